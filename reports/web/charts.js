// Charts as SVG: lines on logarithmic axes with labels at their ends, dots and bars in rows, and points.

const SVG = "http://www.w3.org/2000/svg";
const FAMILY = ["textbook", "numpy", "compiled", "framework"]; // classes of marks and lines, in the order of data.families

function s(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

const SHAPES = [
  (x, y, r) => `M${x - r * 0.88} ${y - r * 0.88}h${r * 1.76}v${r * 1.76}h${-r * 1.76}z`,
  (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  (x, y, r) => `M${x} ${y - r * 1.25}L${x + r * 1.25} ${y}L${x} ${y + r * 1.25}L${x - r * 1.25} ${y}z`,
  (x, y, r) => `M${x} ${y - r * 1.15}L${x + r * 1.15} ${y + r * 0.9}L${x - r * 1.15} ${y + r * 0.9}z`,
];

/** A family's mark: square, circle, diamond or triangle. */
function mark(family, x, y, r = 4, hollow = false, title = "") {
  const path = s("path", { d: SHAPES[family](x, y, r), class: `mark ${FAMILY[family]}${hollow ? " hollow" : ""}` });
  if (title) path.append(s("title", {}, title));
  return path;
}

const icon = (family) =>
  s("svg", { class: "icon", viewBox: "0 0 12 12", "aria-hidden": "true" }, mark(family, 6, 6, 4.2));

/** A logarithmic scale over decades that enclose the values: a line for each, and a number at as many as have room. */
function decades(values, from, to) {
  let low = Math.floor(Math.log10(Math.min(...values)) + 1e-9),
    high = Math.ceil(Math.log10(Math.max(...values)) - 1e-9);
  if (low === high) high += 1;
  const step = Math.ceil((high - low) / 8);
  const lines = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at)),
    ticks = lines.filter((_, at) => at % step === 0);
  const scale = (value) => from + ((to - from) * (Math.log10(value) - low)) / (high - low);
  return { scale, lines, ticks };
}

/** A linear scale in steps of a half, one, two or five that enclose the values. */
function steps(values, from, to) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const step = [0.5, 1, 2, 5, 10, 20, 50].find((one) => (most - least) / one <= 6) ?? (most - least) / 6;
  const low = Math.floor(least / step) * step,
    high = Math.max(low + step, Math.ceil(most / step) * step);
  const lines = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, at) => low + step * at);
  return { scale: (value) => from + ((to - from) * (value - low)) / (high - low), lines, ticks: lines };
}

/** A logarithmic scale in doublings that enclose the values: a line for each, and a number at as many as have room. */
function doublings(values, from, to) {
  const low = Math.floor(Math.log2(Math.min(...values)) + 1e-9),
    high = Math.max(low + 1, Math.ceil(Math.log2(Math.max(...values)) - 1e-9)),
    step = Math.ceil((high - low) / 8);
  const lines = Array.from({ length: high - low + 1 }, (_, at) => 2 ** (low + at));
  const scale = (value) => from + ((to - from) * (Math.log2(value) - low)) / (high - low);
  return { scale, lines, ticks: lines.filter((_, at) => at % step === 0) };
}

const chart = (width, height, label) =>
  s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": label });
const label = (x, y, content, attributes = {}) => s("text", { x, y, ...attributes }, content);

/** Move labels apart that would overlap, keeping their order. Each has a height, and y for where it would be. */
function spread(labels, low, high) {
  labels.sort((a, b) => a.y - b.y);
  labels.forEach((one) => {
    one.at = one.y;
  });
  for (let round = 0; round < 60; round += 1) {
    let moved = false;
    for (let at = 1; at < labels.length; at += 1) {
      const overlap = labels[at - 1].at + labels[at - 1].height / 2 + labels[at].height / 2 - labels[at].at;
      if (overlap > 0.1) {
        labels[at - 1].at -= overlap / 2;
        labels[at].at += overlap / 2;
        moved = true;
      }
    }
    for (const one of labels) one.at = Math.min(Math.max(one.at, low), high);
    if (!moved) break;
  }
  // at the lower end there may be no room left
  for (let at = labels.length - 2; at >= 0; at -= 1)
    labels[at].at = Math.min(labels[at].at, labels[at + 1].at - labels[at].height / 2 - labels[at + 1].height / 2);
}

const MANY = 10; // points of a line, or places on an axis

/**
 * Lines of figures against a size.
 * series: {name, value, family, strong, dashed, points: [{x, y, low, high, hollow, title}]}; without a family it is a line to
 * compare with, and has no marks. every: values that the y axis also encloses. xScale, yScale: decades, doublings or steps. Of a
 * curve of many points, only the last one has a mark.
 */
function lineChart({
  series,
  title,
  xTitle,
  format,
  width = 470,
  height = 310,
  right = 128,
  every = [],
  xScale = decades,
  yScale = decades,
}) {
  width = Math.min(width, Math.max(280, innerWidth - 40)); // on a phone the text keeps its size
  right = Math.min(right, 0.4 * width);
  const left = 62,
    top = 12,
    bottom = height - 44,
    plot = chart(width, height, title);
  const points = series.flatMap((one) => one.points);
  const x = xScale(
      points.map((point) => point.x),
      left + 14,
      width - right - 14,
    ),
    reach = points.flatMap((point) =>
      point.low ? [Math.max(point.low, point.y / 10), Math.min(point.high, point.y * 10)] : [],
    );
  const y = yScale([...points.map((point) => point.y), ...reach, ...every], bottom, top);
  for (const line of y.lines)
    plot.append(s("path", { class: "grid", d: `M${left} ${y.scale(line)}H${width - right}` }));
  for (const tick of y.ticks) {
    plot.append(
      label(left - 8, y.scale(tick) + 4, format(tick).replace(/\.0+(?= )|(?<=\d)\.00(?= )/, ""), {
        "text-anchor": "end",
        class: "axis",
      }),
    );
  }
  plot.append(s("path", { class: "base", d: `M${left} ${bottom}H${width - right}` }));
  const places = [...new Set(points.map((point) => point.x))].sort((a, b) => a - b);
  const shown = places.length > MANY ? x.lines : places,
    roomy = (width - left - right) / shown.length > 56;
  for (const place of shown) {
    plot.append(
      s("path", { class: "base", d: `M${x.scale(place)} ${bottom}v4` }),
      label(
        x.scale(place),
        bottom + 18,
        roomy
          ? place >= 1e6
            ? `${place / 1e6} million`
            : place.toLocaleString("en")
          : narrow(place).replace(".0", ""),
        {
          "text-anchor": "middle",
          class: "axis",
        },
      ),
    );
  }
  plot.append(label((left + width - right) / 2, height - 8, xTitle, { "text-anchor": "middle", class: "axis" }));
  const ends = [];
  for (const one of series) {
    const kind = FAMILY[one.family] ?? "guide",
      sorted = one.points.slice().sort((a, b) => a.hollow - b.hollow || a.x - b.x);
    const runs = []; // hollow points are another series, since they are of another batch
    for (const point of sorted)
      (runs.length && runs.at(-1)[0].hollow === point.hollow ? runs.at(-1) : runs[runs.push([]) - 1]).push(point);
    for (const run of runs)
      plot.append(
        s("path", {
          class: `line ${kind}${one.strong ? " strong" : ""}${one.dashed ? " dashed" : ""}`,
          d: run
            .map((point, at) => `${at ? "L" : "M"}${x.scale(point.x).toFixed(1)} ${y.scale(point.y).toFixed(1)}`)
            .join(""),
        }),
      );
    for (const point of one.family === undefined ? [] : sorted.slice(sorted.length > MANY ? -1 : 0)) {
      if (point.low && point.high / point.low > 1.15)
        plot.append(
          s("path", {
            class: `whisker ${kind}`,
            d: `M${x.scale(point.x)} ${Math.min(bottom, y.scale(point.low))}V${Math.max(top - 6, y.scale(point.high))}`,
          }),
        );
      plot.append(
        mark(one.family, x.scale(point.x), y.scale(point.y), one.strong ? 4 : 3.2, point.hollow, point.title),
      );
    }
    const last = sorted.at(-1);
    ends.push({ names: [one.name], value: one.value, family: one.family, x: x.scale(last.x), y: y.scale(last.y) });
  }
  const joined = []; // lines of one family that end close share a label
  for (const end of ends.sort((a, b) => a.y - b.y)) {
    const before = joined.findLast((one) => one.family === end.family);
    if (before && !end.value && Math.abs(before.last - end.y) < 13) {
      before.names.push(end.names[0]);
      before.last = end.y;
    } else joined.push({ ...end, last: end.y });
  }
  for (const one of joined) {
    one.lines = []; // names over as few lines as fit
    const words = one.names.length > 1 ? one.names : one.names[0].split(" "),
      between = one.names.length > 1 ? "," : "";
    for (const word of words) {
      const before = one.lines.at(-1);
      if (before && before.length + word.length < (right - 30) / 6.6)
        one.lines[one.lines.length - 1] = `${before}${between} ${word}`;
      else {
        if (before) one.lines[one.lines.length - 1] += between;
        one.lines.push(word);
      }
    }
    one.y = (one.y + one.last) / 2;
    if (one.value) one.lines.push(one.value);
    one.height = 15 * one.lines.length + 2;
  }
  spread(joined, top + 4, bottom - 2);
  for (const one of joined) {
    const edge = width - right + 22;
    if (Math.abs(one.at - one.last) > 4 || one.x < width - right - 16)
      plot.append(s("path", { class: "leader", d: `M${one.x + 7} ${one.last}L${edge - 3} ${one.at}` }));
    one.lines.forEach((text, at) =>
      plot.append(
        label(edge, one.at + 4 + 15 * (at - (one.lines.length - 1) / 2), text, {
          class: `end ${FAMILY[one.family] ?? "guide"}${one.value && at === one.lines.length - 1 ? " value" : ""}`,
        }),
      ),
    );
  }
  return plot;
}

/** One figure a row, as a mark on a logarithmic axis. rows: {name, family, value, low, high}. */
function dotChart({ rows, title, format, width = 470, marks }) {
  width = Math.min(width, Math.max(280, innerWidth - 40));
  const left = Math.min(130, 0.32 * width),
    right = 70,
    top = 26,
    pitch = 26,
    plot = chart(width, top + rows.length * pitch + 8, title);
  const { scale, ticks } = decades(
    rows.map((row) => row.value),
    left,
    width - right,
  );
  for (const tick of marks?.filter((one) => one >= ticks[0] && one <= ticks.at(-1)) ?? ticks)
    plot.append(
      s("path", { class: "grid", d: `M${scale(tick)} ${top - 6}V${top + rows.length * pitch}` }),
      label(scale(tick), 12, format(tick).replace(/\.00?(?= )/, ""), { "text-anchor": "middle", class: "axis" }),
    );
  rows.forEach((row, at) => {
    const y = top + (at + 0.5) * pitch,
      kind = FAMILY[row.family];
    plot.append(
      label(left - 14, y + 4, row.name, { "text-anchor": "end", class: `end ${kind}` }),
      s("path", { class: "span", d: `M${left} ${y}H${scale(row.value)}` }),
    );
    plot.append(
      mark(row.family, scale(row.value), y, 4.4),
      label(scale(row.value) + 10, y + 4, format(row.value), { class: "figure" }),
    );
  });
  return plot;
}

/** Two figures a row as a stacked bar, on a linear axis. rows: {name, family, kept, peak, text}. */
function barChart({ rows, title, width = 470 }) {
  width = Math.min(width, Math.max(280, innerWidth - 40));
  const left = Math.min(130, 0.32 * width),
    right = Math.min(150, 0.38 * width),
    pitch = 26,
    most = Math.max(...rows.map((row) => row.kept + row.peak)),
    plot = chart(width, rows.length * pitch + 10, title);
  const length = (value) => ((width - left - right) * value) / most;
  rows.forEach((row, at) => {
    const y = (at + 0.5) * pitch,
      kind = FAMILY[row.family];
    plot.append(label(left - 14, y + 4, row.name, { "text-anchor": "end", class: `end ${kind}` }));
    plot.append(
      s("rect", { class: `bar kept ${kind}`, x: left, y: y - 7, width: length(row.kept), height: 14 }),
      s("rect", {
        class: `bar ${kind}`,
        x: left + length(row.kept),
        y: y - 7,
        width: Math.max(1, length(row.peak)),
        height: 14,
      }),
    );
    plot.append(label(left + length(row.kept + row.peak) + 8, y + 4, row.text, { class: "figure" }));
  });
  return plot;
}
