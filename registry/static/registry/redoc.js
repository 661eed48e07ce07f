// ReDoc draws its maker's logo from the maker's host: what we show, we serve, and the page's policy would refuse it.
(() => {
  const set = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name !== "src" || !String(value).startsWith("https://cdn.redoc.ly/")) set.call(this, name, value);
  };
})();
