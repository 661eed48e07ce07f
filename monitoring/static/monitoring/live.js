// Asks for this page again every so many seconds, and puts the newer numbers where the older ones are.
const page = document.querySelector("[data-refresh]");
const stale = document.querySelector("[data-stale]");

const draw = (fresh) => {
  const charts = [...document.querySelectorAll("canvas.chart")];
  const newer = [...fresh.querySelectorAll("canvas.chart")];
  for (const [place, canvas] of charts.entries()) {
    const chart = Chart.getChart(canvas);
    const data = JSON.parse(newer[place].dataset.value);
    chart.data.labels = data.labels;
    for (const [curve, dataset] of chart.data.datasets.entries()) dataset.data = data.datasets[curve].data;
    chart.update("none");
  }
  for (const part of document.querySelectorAll("[data-live]")) {
    part.replaceChildren(...fresh.querySelector(`[data-live="${part.dataset.live}"]`).childNodes);
  }
};

const refresh = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(8000) });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    draw(new DOMParser().parseFromString(await answer.text(), "text/html"));
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
};

setInterval(refresh, 1000 * page.dataset.refresh);
document.addEventListener("visibilitychange", refresh);
