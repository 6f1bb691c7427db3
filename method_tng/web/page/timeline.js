// A stretch of a film, drawn: how well each part fits, the moments, where lines are said, where the film is now.

import { clock } from "./words.js";

const [WIDTH, HEIGHT, LANE] = [1000, 64, 6]; // of the drawing; the lane below holds the lines that are said
const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes, className = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (className) element.setAttribute("class", className);
  return element;
}

/** Drawn into a box; `seek` is called with the second that was pointed at. */
export class Timeline {
  constructor(box, seek) {
    this.box = box;
    this.from = 0;
    this.to = 1;
    this.drawing = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.cursor = document.createElement("i");
    this.cursor.className = "cursor";
    this.end = document.createElement("i");
    this.end.className = "end";
    this.ticks = document.createElement("div");
    this.ticks.className = "ticks";
    const plot = document.createElement("div");
    plot.className = "plot";
    plot.append(this.drawing, this.end, this.cursor);
    box.replaceChildren(plot, this.ticks);
    const point = (event) => {
      const place = plot.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - place.left) / place.width));
      seek(this.from + share * (this.to - this.from));
    };
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      plot.setPointerCapture(event.pointerId);
      point(event);
    });
    plot.addEventListener("pointermove", (event) => {
      if (plot.hasPointerCapture(event.pointerId)) point(event);
    });
  }

  /** Draws the seconds from..to; curve {seconds, relevance} or null; moments, lines, near with start and end. */
  draw({ from, to, curve, moments, chosen, lines, near }) {
    this.from = from;
    this.to = Math.max(to, from + 0.1);
    const parts = [];
    if (near) parts.push(this.#bar(near, 0, HEIGHT, "drawn-near"));
    if (curve && curve.seconds.length) parts.push(...this.#hill(curve));
    for (const moment of moments) {
      if (moment !== chosen) parts.push(this.#bar(moment, 0, HEIGHT - LANE - 2, "moment"));
    }
    if (chosen) parts.push(this.#bar(chosen, 0, HEIGHT - LANE - 2, "moment chosen"));
    for (const line of lines) parts.push(this.#bar(line, HEIGHT - LANE + 1, LANE - 2, "spoken"));
    this.drawing.replaceChildren(...parts.filter(Boolean));
    this.#place(this.end, chosen ? chosen.end : NaN);
    Object.assign(this.end.dataset, { start: chosen?.start ?? "", end: chosen?.end ?? "" });
    this.#mark();
  }

  /** Moves the cursor. */
  show(second) {
    this.#place(this.cursor, second);
  }

  #across(second) {
    return ((second - this.from) / (this.to - this.from)) * WIDTH;
  }

  #place(element, second) {
    const share = (second - this.from) / (this.to - this.from);
    element.hidden = !(share >= 0 && share <= 1);
    if (!element.hidden) element.style.left = `${100 * share}%`;
  }

  #bar(span, top, height, className) {
    const [start, end] = [Math.max(span.start, this.from), Math.min(span.end, this.to)];
    if (end <= start) return null;
    const width = Math.max(this.#across(end) - this.#across(start), 3);
    return shape("rect", { x: this.#across(start), y: top, width, height, rx: 1.5 }, className);
  }

  #hill({ seconds, relevance }) {
    const [least, most] = [Math.min(...relevance), Math.max(...relevance)];
    const top = HEIGHT - LANE - 2;
    const step = seconds.length > 1 ? seconds[1] - seconds[0] : this.to - this.from;
    const points = [];
    const put = (second, height) => points.push([Math.min(WIDTH, Math.max(0, this.#across(second))), height]);
    for (const [index, second] of seconds.entries()) {
      if (second + step < this.from || second > this.to) continue;
      const share = (relevance[index] - least) / (most - least || 1);
      const height = (top - 3 - share * (top - 8)).toFixed(1);
      if (!points.length) put(second, height); // a clip's value holds for all of it
      put(second + step / 2, height);
      if (index === seconds.length - 1) put(second + step, height);
    }
    if (!points.length) return [];
    const [first, last] = [points[0][0], points.at(-1)[0]];
    const ridge = `M${points.map(([x, y]) => `${x.toFixed(1)} ${y}`).join("L")}`;
    return [
      shape("path", { d: `${ridge}L${last} ${top}L${first} ${top}Z` }, "hill"),
      shape("path", { d: ridge }, "ridge"),
    ];
  }

  #mark() {
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
    const room = Math.max(2, Math.floor((this.box.clientWidth || 600) / 90));
    const step = steps.find((one) => (this.to - this.from) / one <= room) ?? 14400;
    const marks = [];
    for (let second = Math.ceil(this.from / step) * step; second <= this.to - step / 3; second += step) {
      const mark = document.createElement("span");
      mark.textContent = clock(second);
      this.#place(mark, second);
      marks.push(mark);
    }
    this.ticks.replaceChildren(...marks);
  }
}
