/* Search as one types, in a tree that is whole without it. */
(() => {
  "use strict";
  const form = document.getElementById("find");
  const box = document.getElementById("words");
  const said = document.getElementById("said");
  const tree = document.getElementById("tree");
  const MOST_MARKS = 400;
  let items = null; /* in the order of the page, parents before what is in them */
  let asked = "";

  /* own: what is said of this place; all: with the names above it */
  function gather(list, parent, above) {
    for (const li of list.children) {
      const details = li.firstElementChild.localName === "details" ? li.firstElementChild : null;
      const row = details ? details.firstElementChild : li.firstElementChild;
      const name = row.querySelector(".n").textContent;
      const line = row.querySelector(".l");
      const own = (name + " " + (line ? line.textContent : row.lastElementChild.textContent)).toLowerCase();
      const path = above + name.toLowerCase();
      const at = items.length;
      items.push({ li, row, details, parent, own, all: path + " " + own, was: false });
      if (details) gather(details.lastElementChild, at, path);
    }
  }

  function prepare() {
    items = [];
    gather(tree, -1, "");
  }

  function remember() {
    for (const item of items) if (item.details) item.was = item.details.open;
  }

  function show(item, visible, open) {
    if (item.li.hidden === visible) item.li.hidden = !visible;
    if (item.details && item.details.open !== open) item.details.open = open;
  }

  /* A place is found when it has all words, some of them not only in the names above it. It is shown
     with what it lies in, and with all that is in it if nothing there is found itself. */
  function filter(words) {
    const n = items.length;
    const hit = new Uint8Array(n), within = new Uint8Array(n), around = new Uint8Array(n);
    const found = [];
    for (let i = 0; i < n; i++) {
      const item = items[i];
      hit[i] = words.every((w) => item.all.includes(w)) && words.some((w) => item.own.includes(w)) ? 1 : 0;
      if (hit[i]) found.push(item);
    }
    for (let i = n - 1; i >= 0; i--)
      if (items[i].parent >= 0) around[items[i].parent] |= hit[i] | around[i];
    for (let i = 0; i < n; i++) {
      const parent = items[i].parent;
      if (parent >= 0 && !around[parent]) within[i] = hit[parent] | within[parent];
    }
    for (let i = 0; i < n; i++)
      show(items[i], Boolean(hit[i] | within[i] | around[i]), around[i] === 1);
    return found;
  }

  function rangesIn(element, words, out) {
    for (const node of element.childNodes) {
      if (node.nodeType !== Node.TEXT_NODE) continue;
      const text = node.data.toLowerCase();
      if (text.length !== node.data.length) continue; /* places are not those of the text shown */
      for (const word of words)
        for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
          const range = new Range();
          range.setStart(node, at);
          range.setEnd(node, at + word.length);
          out.push(range);
        }
    }
  }

  function mark(found, words) {
    if (!window.Highlight || !CSS.highlights) return;
    CSS.highlights.delete("found");
    const ranges = [];
    for (const item of found) {
      if (ranges.length > MOST_MARKS) break;
      for (const part of item.row.querySelectorAll(".n, .n code, .l")) rangesIn(part, words, ranges);
    }
    if (ranges.length) CSS.highlights.set("found", new Highlight(...ranges));
  }

  function say(found) {
    const n = found.length;
    said.value = n === 0 ? "nothing found" : n === 1 ? "1 found" : n.toLocaleString("en") + " found";
  }

  function search() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const now = words.join(" ");
    if (now === asked) return;
    if (!items) prepare();
    if (asked === "") remember();
    asked = now;
    if (words.length) {
      const found = filter(words);
      mark(found, words);
      say(found);
    } else {
      for (const item of items) show(item, true, item.was);
      mark([], []);
      said.value = "";
    }
    try {
      history.replaceState(null, "", now ? "#q=" + encodeURIComponent(now) : "#");
    } catch (refused) {
      /* a page from a file may have no history of its own */
    }
  }

  function fromAddress() {
    const m = /^#q=(.*)$/.exec(location.hash);
    let words = "";
    try {
      words = m ? decodeURIComponent(m[1]) : "";
    } catch (malformed) {
      words = "";
    }
    box.value = words;
    search();
  }

  function all(open) {
    for (const details of tree.querySelectorAll("details")) details.open = open;
  }

  let waiting = 0;
  box.addEventListener("input", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(search);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("open").addEventListener("click", () => all(true));
  document.getElementById("close").addEventListener("click", () => all(false));
  window.addEventListener("hashchange", fromAddress);
  document.addEventListener("keydown", (event) => {
    const at = document.activeElement;
    if (event.key === "Escape" && at === box) {
      box.value = "";
      search();
    } else if (event.key === "Escape" && at && at.classList.contains("q")) {
      at.blur();
    } else if (event.key === "/" && at !== box && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
    }
  });
  form.hidden = false;
  fromAddress();
})();
