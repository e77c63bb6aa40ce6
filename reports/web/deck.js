// The keys of a projected deck: from screen to screen. Links do the same without a script.

const screens = [...document.querySelectorAll(".screen")];
const links = new Map([...document.querySelectorAll("nav a[href^='#']")].map((link) => [link.hash.slice(1), link]));
const bar = document.querySelector("nav");

/** The screen that fills most of the window: the last one that begins in its upper third. */
function current() {
  const third = innerHeight / 3;
  return Math.max(
    0,
    screens.findLastIndex((screen) => screen.getBoundingClientRect().top <= third),
  );
}

function go(to) {
  const screen = screens[Math.min(Math.max(to, 0), screens.length - 1)];
  screen.scrollIntoView({ behavior: "instant" });
  history.replaceState(null, "", `#${screen.id}`);
  show();
}

/** Mark the current screen's link, and bring it into view. */
function show() {
  const id = screens[current()].id;
  for (const [name, link] of links) {
    link.classList.toggle("current", name === id);
    if (name === id) {
      link.setAttribute("aria-current", "true");
      bar.scrollLeft = link.offsetLeft - (bar.clientWidth - link.offsetWidth) / 2;
    } else link.removeAttribute("aria-current");
  }
}

const FORWARD = ["ArrowRight", "PageDown"],
  BACK = ["ArrowLeft", "PageUp"];

addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const step = FORWARD.includes(event.key) ? 1 : BACK.includes(event.key) ? -1 : 0;
  const part = event.target.closest?.(".scroll, pre");
  if (!step || (part && part.scrollWidth > part.clientWidth + 1)) return; // the arrows scroll it
  const here = current(),
    box = screens[here].getBoundingClientRect(),
    page = event.key.startsWith("Page");
  if (page && (step > 0 ? box.bottom > innerHeight + 4 : box.top < bar.offsetHeight - 4)) return; // there is more of it to read
  event.preventDefault();
  go(here + step);
});

let waiting = false;
addEventListener(
  "scroll",
  () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      show();
    });
  },
  { passive: true },
);
show();
