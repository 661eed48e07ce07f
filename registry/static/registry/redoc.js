// ReDoc draws its maker's logo from the maker's host: what we show, we serve, and the page's policy would refuse it.
(() => {
  const elsewhere = (value) => String(value).startsWith("https://cdn.redoc.ly/");
  const setAttribute = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name !== "src" || !elsewhere(value)) setAttribute.call(this, name, value);
  };
  const src = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
  Object.defineProperty(HTMLImageElement.prototype, "src", {
    ...src,
    set(value) {
      if (!elsewhere(value)) src.set.call(this, value);
    },
  });
})();
