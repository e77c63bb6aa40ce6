// The roofline chart: operations per byte against operations a second, below the machine's two limits.

const TEXT_HEIGHT = 14,
  CHARACTER = 7; // width of a label's character, on average

/** A round number in words: "10 million". */
const inWords = (value) => amount(value).replace(/\.0+(?= )/, "");

/** The chart. points: {x, y, family, title, name}, where only those with a name are large and labelled. narrow: for a phone. */
function roofline({ points, memory, matmul, title, narrow = false }) {
  const [width, height, left, right] = narrow ? [400, 460, 74, 14] : [900, 420, 84, 150],
    top = 30,
    bottom = height - 46,
    plot = chart(width, height, title);
  const rates = Object.values(matmul),
    ridges = memory ? rates.map((rate) => rate / memory) : [];
  const x = decades([...points.map((point) => point.x), ...ridges], left, width - right),
    y = decades([...points.map((point) => point.y), ...rates], bottom, top);
  for (const tick of y.ticks)
    plot.append(
      s("path", { class: "grid", d: `M${left} ${y.scale(tick)}H${width - right}` }),
      label(left - 8, y.scale(tick) + 4, inWords(tick), { "text-anchor": "end", class: "axis" }),
    );
  for (const tick of x.ticks)
    plot.append(
      label(x.scale(tick), bottom + 18, tick >= 1 ? tick.toLocaleString("en") : String(Number(tick.toPrecision(1))), {
        "text-anchor": "middle",
        class: "axis",
      }),
    );
  plot.append(
    s("path", { class: "base", d: `M${left} ${bottom}H${width - right}` }),
    label((left + width - right) / 2, height - 8, "operations per byte moved", {
      "text-anchor": "middle",
      class: "axis",
    }),
    label(0, 10, "operations a second", { class: "axis" }),
  );
  const taken = ceilings({ plot, x, y, memory, matmul, left, right: width - right, narrow });
  for (const named of [false, true])
    for (const point of points.filter((one) => Boolean(one.name) === named))
      plot.append(mark(point.family, x.scale(point.x), y.scale(point.y), named ? 5 : 2.6, false, point.title));
  const large = points
    .filter((one) => one.name)
    .map((one) => ({ ...one, px: x.scale(one.x), py: y.scale(one.y) }))
    .sort((a, b) => a.py - b.py);
  const small = points.filter((one) => !one.name).map((one) => around(x.scale(one.x), y.scale(one.y), 3));
  taken.push(...large.map(({ px, py }) => around(px, py, 6)));
  for (const point of large) name(plot, point, taken, small, [left, top - 14, width - (narrow ? 2 : 8), bottom]);
  return plot;
}

const around = (x, y, far) => [x - far, y - far, x + far, y + far];

/** Draw the machine's limits, and return the boxes of their labels, and of points on their lines. */
function ceilings({ plot, x, y, memory, matmul, left, right, narrow }) {
  const [first, last] = [x.ticks[0], x.ticks.at(-1)],
    most = Math.max(...Object.values(matmul), 0),
    boxes = [];
  if (memory) {
    const from = Math.max(first, y.ticks[0] / memory),
      to = Math.min(last, (most || y.ticks.at(-1)) / memory),
      text = `memory, ${scaled(memory, "B/s").join(" ")}`;
    if (from < to) {
      const middle = Math.max(x.scale(Math.sqrt(from * to)), left + 8 + CHARACTER * text.length),
        at = y.scale(memory * from * (to / from) ** ((middle - x.scale(from)) / (x.scale(to) - x.scale(from))));
      plot.append(
        s("path", {
          class: "ceiling",
          d: `M${x.scale(from)} ${y.scale(from * memory)}L${x.scale(to)} ${y.scale(to * memory)}`,
        }),
        label(middle - 8, at - 8, text, { class: "axis", "text-anchor": "end" }),
      );
      boxes.push([middle - 8 - CHARACTER * text.length, at - 20, middle - 8, at - 4]);
      for (let part = 0; part <= 1; part += 0.01) {
        const place = from * (to / from) ** part;
        boxes.push(around(x.scale(place), y.scale(place * memory), 1));
      }
    }
  }
  for (const [dtype, rate] of Object.entries(matmul)) {
    const from = memory ? Math.max(first, rate / memory) : first,
      text = `matrix products, ${dtype}`;
    if (from < last) {
      plot.append(s("path", { class: "ceiling", d: `M${x.scale(from)} ${y.scale(rate)}H${right}` }));
      boxes.push([x.scale(from), y.scale(rate) - 1, right, y.scale(rate) + 1]);
    }
    const [at, base] = narrow ? [right, y.scale(rate) - 8] : [right + 8, y.scale(rate) + 4];
    plot.append(label(at, base, text, { class: "axis", "text-anchor": narrow ? "end" : "start" }));
    boxes.push([
      narrow ? at - CHARACTER * text.length : at,
      base - 11,
      narrow ? at : at + CHARACTER * text.length,
      base + 3,
    ]);
  }
  return boxes;
}

/** Write a mark's name beside it, or where the nearest room is, with a line to it: on no small mark, if that can be. */
function name(plot, { px, py, family, name: text }, taken, small, [left, top, right, bottom]) {
  const wide = CHARACTER * text.length;
  const beside = [
    [px + 9, py + 4],
    [px - 9 - wide, py + 4],
    [px - wide / 2, py - 10],
    [px - wide / 2, py + 19],
  ];
  const farther = [22, 34, 46, 60, 76, 94, 114, 136].flatMap((far) =>
    Array.from({ length: 16 }, (_, at) => {
      const [cos, sin] = [Math.cos((at * Math.PI) / 8), Math.sin((at * Math.PI) / 8)];
      return [px + far * cos - (cos < -0.1 ? wide : cos > 0.1 ? 0 : wide / 2), py - far * sin + 4];
    }),
  );
  const boxOf = ([from, base]) => [from, base - TEXT_HEIGHT + 3, from + wide, base + 3];
  const isFree = (place, occupied) => {
    const box = boxOf(place),
      inside = box[0] >= left && box[1] >= top && box[2] <= right && box[3] <= bottom;
    return inside && !occupied.some((one) => box[0] < one[2] && one[0] < box[2] && box[1] < one[3] && one[1] < box[3]);
  };
  const places = [...beside, ...farther],
    place = [[...taken, ...small], taken]
      .map((occupied) => places.find((one) => isFree(one, occupied)))
      .find((found) => found);
  if (!place) return; // its tooltip has the name
  const box = boxOf(place);
  taken.push(box);
  if (!beside.includes(place)) {
    const end = [Math.min(Math.max(px, box[0]), box[2]), Math.min(Math.max(py, box[1]), box[3])];
    plot.append(s("path", { class: "leader", d: `M${px} ${py}L${end[0]} ${end[1]}` }));
  }
  plot.append(label(...place, text, { class: `end ${FAMILY[family]}` }));
}
