// Numbers as text, as in reports/statistics/units.py.

function three(value) {
  if (!value) return "0";
  const rounded = Number(value.toPrecision(3)),
    decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded))));
  return rounded.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

function two(value) {
  if (!value) return "0";
  const rounded = Number(value.toPrecision(2)),
    decimals = Math.max(0, 1 - Math.floor(Math.log10(rounded)));
  return rounded.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

const PREFIXES = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
  [1, ""],
  [1e-3, "m"],
  [1e-6, "µ"],
  [1e-9, "n"],
];

/** Number and unit apart, so that they can be aligned: ["12.3", "µs"]. */
function scaled(value, unit, least = 0) {
  const rounded = Number(value.toPrecision(3));
  const [factor, prefix] = PREFIXES.find(([factor]) => rounded >= factor || factor <= least) ?? PREFIXES.at(-1);
  return [three(rounded / factor), prefix + unit];
}

const time = (value) => scaled(value, "s").join(" ");
const bytes = (value) => (value < 999.5 ? `${value.toFixed(0)} B` : scaled(value, "B", 1).join(" "));

/** A large number in a narrow cell: 28k. */
const narrow = (value) =>
  value >= 9.95e5 ? `${two(value / 1e6)}M` : value >= 9950 ? `${two(value / 1e3)}k` : two(value);

/** An interval of ratios, with as many digits as tell its ends apart: "1.8–2.0×", "1.15–1.24×". */
const span = (low, high) => (two(low) === two(high) ? `${three(low)}–${three(high)}×` : `${two(low)}–${two(high)}×`);

/** A ratio of times: "28,000× slower", "5 % slower", "1.9× faster". */
function slower(ratio) {
  const larger = Math.max(ratio, 1 / ratio);
  const amount = larger < 1.1 ? `${((larger - 1) * 100).toFixed(0)} %` : `${two(larger)}×`;
  return `${amount} ${ratio >= 1 ? "slower" : "faster"}`;
}

/** A share: "63 %". */
const percent = (value) => `${(100 * value).toFixed(0)} %`;

const amount = (value) =>
  value >= 9.995e8
    ? `${three(value / 1e9)} billion`
    : value >= 9.995e5
      ? `${three(value / 1e6)} million`
      : Math.round(value).toLocaleString("en");
