"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const names = { "": "as the system", light: "light", dark: "dark" };
  const order = ["", "light", "dark"];
  const show = (theme) => {
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    button.textContent = `Theme: ${names[theme]}`;
  };
  // Where a page of a file may keep nothing, the choice lasts as long as the page.
  const kept = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("metalog-theme");
      localStorage.setItem("metalog-theme", value);
    } catch { /* not allowed here */ }
    return value;
  };
  button.hidden = false;
  const before = kept();
  show(order.includes(before) ? before : "");
  button.addEventListener("click", () => {
    const next = order[(order.indexOf(root.dataset.theme || "") + 1) % order.length];
    kept(next);
    show(next);
  });

  const data = JSON.parse(document.getElementById("page-data").textContent) || {};
  const percent = (part, whole) => whole ? `${(100 * part / whole).toFixed(1)} %` : "–";
  const rounded = (value) => {
    if (value === null || !Number.isFinite(value)) return "–";
    const digits = value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2;
    return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  };
  const logit = (p) => {
    const bounded = Math.min(Math.max(p, 1e-7), 1 - 1e-7);
    return Math.log(bounded / (1 - bounded));
  };

  // Moves a mark to a point of its chart, whose scales stand in the chart's attributes.
  const place = (mark, x, y) => {
    const at = mark.ownerSVGElement.dataset;
    const along = (value, low, high, first, last) =>
      first + (Math.min(Math.max(value, low), high) - low) / (high - low) * (last - first);
    const px = along(x, +at.xLow, +at.xHigh, +at.left, +at.right);
    if (mark.tagName === "line") {
      mark.setAttribute("x1", px);
      mark.setAttribute("x2", px);
    } else {
      mark.setAttribute("visibility", x === null || y === null ? "hidden" : "visible");
      mark.setAttribute("cx", px);
      mark.setAttribute("cy", along(y, +at.yLow, +at.yHigh, +at.bottom, +at.top));
    }
  };

  for (const panel of document.querySelectorAll("[data-threshold]")) {
    const run = data.thresholds[+panel.dataset.threshold];
    const count = run.scores.length;
    // How many normal and anomalous sessions have this score or a higher one.
    const above = { normal: new Array(count + 1).fill(0), anomalous: new Array(count + 1).fill(0) };
    for (let i = count - 1; i >= 0; i--) {
      above.normal[i] = above.normal[i + 1] + run.normal[i];
      above.anomalous[i] = above.anomalous[i + 1] + run.anomalous[i];
    }
    const normal = above.normal[0], anomalous = above.anomalous[0];
    const slider = panel.querySelector("input[type=range]");
    const field = panel.querySelector("input[type=number]");
    const marks = document.querySelectorAll(`[data-mark^="${panel.dataset.threshold}:"]`);
    const set = (threshold, by) => {
      let low = 0, high = count;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (run.scores[middle] < threshold) low = middle + 1; else high = middle;
      }
      const found = above.anomalous[low], alarms = above.normal[low];
      const values = {
        precision: percent(found, found + alarms),
        recall: percent(found, anomalous),
        f1: percent(2 * found, anomalous + found + alarms),
        found: `${found.toLocaleString("en")} of ${anomalous.toLocaleString("en")}`,
        alarms: `${alarms.toLocaleString("en")} of ${normal.toLocaleString("en")}`,
        per_1000: rounded(normal ? 1000 * alarms / normal : null),
        per_day: rounded(normal && run.normal_a_day !== null ? run.normal_a_day * alarms / normal : null),
      };
      for (const [name, value] of Object.entries(values)) {
        const shown = panel.querySelector(`[data-figure="${name}"]`);
        if (shown) shown.textContent = value;
      }
      for (const mark of marks) {
        const kind = mark.dataset.mark.split(":")[1];
        if (kind === "roc") place(mark, normal ? alarms / normal : null, anomalous ? found / anomalous : null);
        else if (kind === "pr") place(mark, anomalous ? found / anomalous : null, found + alarms ? found / (found + alarms) : null);
        else place(mark, logit(threshold), 0);
      }
      if (by !== slider) slider.value = logit(threshold);
      if (by !== field) field.value = +threshold.toPrecision(4);
      slider.setAttribute("aria-valuetext", `threshold ${threshold.toPrecision(4)}`);
    };
    slider.addEventListener("input", () => set(1 / (1 + Math.exp(-slider.value)), slider));
    field.addEventListener("input", () => {
      const asked = parseFloat(field.value);
      if (asked >= 0 && asked <= 1) set(asked, field);
    });
    panel.querySelector("button").addEventListener("click", () => set(run.threshold));
    set(run.threshold);
  }
})();
