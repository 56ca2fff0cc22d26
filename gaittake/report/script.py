"""The script of the page: sorting, values on hover, enlarging, figures as SVG.

Without it, the page shows the same numbers, in the figures or in tables below them.
"""

SCRIPT = r"""
"use strict";
(() => {
  const { name, mark } = document.body.dataset;
  const make = (tag, named = {}) => Object.assign(document.createElement(tag), named);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const button = (text, label, action) => {
    const made = make("button", { type: "button", textContent: text, onclick: action });
    made.setAttribute("aria-label", label);
    return made;
  };

  // Sorting: the title of a column orders the rows of each group. Dashes sort as the lowest.
  const rank = (cell) => {
    const text = cell.dataset.sort ?? cell.textContent.trim();
    if (cell.dataset.sort === undefined && !cell.matches(".number")) return text;
    const number = parseFloat(text.replaceAll(",", "").replace("−", "-"));
    return Number.isNaN(number) ? -Infinity : number;
  };
  const compare = (a, b) =>
    typeof a === "number" ? Math.sign(a - b) || 0 : a.localeCompare(b, "en", { numeric: true });
  for (const table of all("table")) {
    if (![...table.tBodies].some((body) => body.rows.length > 1)) continue;
    const heads = all("thead th:not(.group)", table);
    for (const head of heads) {
      const sort = make("button", { type: "button", className: "sort" });
      sort.append(...head.childNodes);
      head.append(sort);
      sort.onclick = () => {
        const before = head.getAttribute("aria-sort");
        const wordsFirst = before === null && !head.matches(".number, .mean");
        const up = before === "descending" || wordsFirst;
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const of = (row) => rank(row.cells[head.cellIndex]);
        for (const body of table.tBodies) {
          const rows = [...body.rows].sort((a, b) => (up ? 1 : -1) * compare(of(a), of(b)));
          body.append(...rows);
        }
      };
    }
  }

  // Values: below the pointer; in a chart with lines also by the arrow keys.
  const tip = make("div", { id: "tip", hidden: true });
  tip.setAttribute("role", "status");
  const dialog = make("dialog");
  document.body.append(tip, dialog);
  const unguide = () => all(".guide").forEach((line) => line.remove());
  const say = (text, x, y) => {
    if (tip.parentNode !== (dialog.open ? dialog : document.body)) {
      (dialog.open ? dialog : document.body).append(tip);
    }
    tip.hidden = !text;
    tip.textContent = text;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 4))}px`;
    tip.style.top = `${y - height - 10 < 4 ? y + 18 : y - height - 10}px`;
  };
  const nearest = (points, x) => {
    const away = points.map((point) => Math.abs(point.x - x));
    return away.indexOf(Math.min(...away));
  };
  const read = (chart, x, clientY) => {
    const lines = all("polyline", chart).map((line) => {
      const points = [...line.points];
      const at = nearest(points, x);
      const [across, up] = line.dataset.values.split(" ")[at].split(":");
      return { place: points[at].x, across, text: `${line.dataset.name} ${up}` };
    });
    unguide();
    const guide = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const { y, height } = chart.viewBox.baseVal;
    guide.setAttribute("d", `M${lines[0].place} ${y + 22}V${y + height - 40}`);
    guide.setAttribute("class", "guide");
    chart.append(guide);
    const corner = new DOMPoint(lines[0].place, 0).matrixTransform(chart.getScreenCTM());
    const texts = lines.map((line) => line.text);
    say([`${chart.dataset.x} ${lines[0].across}`, ...texts].join("\n"), corner.x, clientY);
  };
  document.addEventListener("pointermove", (event) => {
    const chart = event.target.closest?.("svg[data-x]");
    const cell = event.target.closest?.("[data-tip]");
    if (chart) {
      const point = new DOMPoint(event.clientX, event.clientY);
      read(chart, point.matrixTransform(chart.getScreenCTM().inverse()).x, event.clientY);
    } else {
      unguide();
      say(cell ? cell.dataset.tip : "", event.clientX, event.clientY);
    }
  });
  const keyed = new WeakMap();
  for (const chart of all("svg[data-x]")) {
    chart.setAttribute("tabindex", "0");
    chart.addEventListener("blur", () => (unguide(), say("", 0, 0)));
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const points = [...chart.querySelector("polyline").points];
      const at = Math.max(0, Math.min((keyed.get(chart) ?? -1) + step, points.length - 1));
      keyed.set(chart, at);
      read(chart, points[at].x, chart.getBoundingClientRect().top + 40);
    });
  }

  // A figure as an SVG of its own: light, with resolved styles, the legend, the mark of the data.
  const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray",
    "stroke-linecap", "stroke-linejoin", "font-family", "font-size", "font-weight", "text-anchor",
    "image-rendering"];
  const resolved = (drawn) => {
    const copy = drawn.cloneNode(true);
    const places = [drawn, ...all("*", drawn)];
    [copy, ...all("*", copy)].forEach((made, n) => {
      const style = getComputedStyle(places[n]);
      const above = n ? getComputedStyle(places[n].parentNode) : {};
      for (const key of Object.keys(made.dataset)) delete made.dataset[key];
      for (const key of ["class", "style", "tabindex"]) made.removeAttribute(key);
      for (const key of KEPT) {
        made.removeAttribute(key);
        const value = style.getPropertyValue(key);
        if (!n || value !== above.getPropertyValue(key)) made.setAttribute(key, value);
      }
    });
    return copy;
  };
  const standalone = (drawn) => {
    unguide();
    document.documentElement.classList.add("light");
    const copy = resolved(drawn);
    const [x, y, width, height] = drawn.getAttribute("viewBox").split(" ").map(Number);
    const size = Math.min(11, width / 24);
    let bottom = y + height;
    const add = (tag, named, text = "") => {
      const made = document.createElementNS(copy.namespaceURI, tag);
      for (const [key, value] of Object.entries(named)) made.setAttribute(key, value);
      made.textContent = text;
      copy.append(made);
      return made;
    };
    const write = (text, indent) => {
      bottom += 1.5 * size;
      const plain = { fill: "#1c1d20", stroke: "none", "text-anchor": "start" };
      const named = { ...plain, "font-family": "sans-serif", "font-size": size };
      add("text", { ...named, x: x + size + indent, y: bottom - size * 0.4 }, text);
    };
    for (const entry of all(".legend span", drawn.closest("figure"))) {
      write(entry.textContent.trim(), 40);
      const sample = resolved(entry.querySelector("svg"));
      const at = { x: x + size, y: bottom - 1.5 * size, width: 30, height: 1.5 * size };
      for (const [key, value] of Object.entries(at)) sample.setAttribute(key, value);
      copy.append(sample);
    }
    if (mark) write(mark, 0);
    document.documentElement.classList.remove("light");
    const box = { x, y, width, height: bottom - y + (bottom > y + height ? size * 0.6 : 0) };
    copy.prepend(add("rect", { ...box, fill: "#ffffff", stroke: "none" }));
    copy.setAttribute("viewBox", Object.values(box).join(" "));
    copy.setAttribute("width", box.width);
    copy.setAttribute("height", box.height);
    return new XMLSerializer().serializeToString(copy);
  };

  // Buttons at each figure.
  dialog.setAttribute("aria-label", "Enlarged figure");
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  const close = button("Close", "Close the enlarged figure", () => dialog.close());
  const numbers = {};
  for (const drawn of all("figure svg").filter((svg) => !svg.closest(".legend"))) {
    const part = drawn.closest("section").id;
    numbers[part] = (numbers[part] ?? 0) + 1;
    const label = drawn.getAttribute("aria-label").split(/[:;.] /)[0];
    const file = `${name}_${part}_${numbers[part]}.svg`;
    const enlarge = button("Enlarge", `Enlarge: ${label}`, () => {
      dialog.replaceChildren(close, drawn.cloneNode(true));
      dialog.showModal();
    });
    const save = button("SVG", `Download as SVG: ${label}`, () => {
      const href = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(standalone(drawn));
      make("a", { download: file, href }).click();
    });
    const box = make("div", { className: "picture" });
    const tools = make("div", { className: "tools" });
    const whole = drawn.closest(".scroll") ?? drawn;
    whole.replaceWith(box);
    tools.append(enlarge, save);
    box.append(whole, tools);
  }

  addEventListener("beforeprint", () => all("details").forEach((part) => (part.open = true)));
})();
"""
