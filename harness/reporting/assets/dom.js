// Building elements. Text is only ever set as text: nothing here takes markup.

const el = (name, attributes, ...children) => dress(document.createElement(name), attributes, children);

const SVG = "http://www.w3.org/2000/svg";
const svg = (name, attributes, ...children) => dress(document.createElementNS(SVG, name), attributes, children);

function dress(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "css") for (const [name, amount] of Object.entries(value)) element.style.setProperty(name, amount);
    else element.setAttribute(key, value === true ? "" : value);
  }
  // Nested arrays flow in; what is absent leaves nothing behind.
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const number = (value) => value.toLocaleString("en");
const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

// Three digits, as people compare durations; "?" where nothing is known.
function seconds(value) {
  if (value === null || value === undefined) return "?";
  if (value >= 100) return `${number(Math.round(value))} s`;
  if (value >= 1) return `${Number(value.toPrecision(3))} s`;
  return `${Number((value * 1000).toPrecision(3))} ms`;
}

// A name in two tones: what many share, then what tells it apart.
function endpoint(name) {
  const slash = name.indexOf("/") + 1;
  return el("span", { class: "endpoint" }, slash > 0 && el("span", { class: "namespace" }, name.slice(0, slash)), name.slice(slash));
}

function place(location) {
  return location && el("code", { class: "place" }, location);
}

function copyable(command, label) {
  const status = el("span", { class: "copied", role: "status" });
  const code = el("code", { class: "command", tabindex: "0" }, command);
  const button = el("button", { type: "button", class: "quiet copy", "aria-label": `Copy ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    status.textContent = (await copy(command, code)) ? "Copied" : "Selected: copy it by hand";
    setTimeout(() => (status.textContent = ""), 2000);
  });
  return el("div", { class: "copyable" }, code, el("span", { class: "copying" }, button, status));
}

// The clipboard needs a secure context, which a page of a CI server may not be.
async function copy(text, code) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(code);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return document.execCommand("copy");
  }
}

// Words that a shell takes for one, as Python's shlex.quote writes them.
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);
