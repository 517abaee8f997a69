// The notes page: a list with search and pages, an editor with a preview, and a WebSocket that tells what other pages
// changed. No framework: `state` is what is known, render*() show it, everything else reacts to events.

const PAGE = 20;
const TYPING_MS = 200; // quiet time after a key before the server is asked
const GLOW_MS = 1800; // how long a note that another page changed stands out; as in style.css
const RECONNECT_MS = [250, 1000, 2000, 5000, 10000];

const $ = (id) => document.getElementById(id);

const state = {
  query: "",
  offset: 0,
  total: 0,
  items: [],
  note: null, // as the server has it; null is a note that was never saved
  saving: false,
  deleting: 0, // the note that this page is deleting
  changed: new Map(), // id -> when another page's change of it arrived
};

// --- Talking to the server ----------------------------------------------------------------------------------------

class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function call(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer.error ?? `the server answered ${response.status}`);
  return answer;
}

// Runs `work` when no call came for `ms`. A result that a later call has overtaken is for `work` to drop: it is given
// a function that tells whether it is still the latest.
function debounced(ms, work) {
  let timer = 0;
  let latest = 0;
  return () => {
    clearTimeout(timer);
    const mine = ++latest;
    timer = setTimeout(() => work(() => mine === latest), ms);
  };
}

// --- The list -----------------------------------------------------------------------------------------------------

let listRequest = 0;

async function loadList() {
  const mine = ++listRequest;
  const query = new URLSearchParams({ limit: PAGE, offset: state.offset, q: state.query });
  try {
    const page = await call("GET", `/api/notes?${query}`);
    if (mine !== listRequest) return;
    if (page.items.length === 0 && page.total > 0 && state.offset > 0) {
      state.offset = Math.floor((page.total - 1) / PAGE) * PAGE;
      await loadList();
      return;
    }
    state.items = page.items;
    state.total = page.total;
    renderList();
  } catch (error) {
    if (mine === listRequest) notice(`The list could not be loaded: ${error.message}`);
  }
}

function renderList() {
  $("notes").replaceChildren(...state.items.map(listItem));
  const empty = $("empty");
  empty.hidden = state.items.length > 0;
  empty.textContent = state.query ? `No note contains “${state.query}”.` : "No notes yet. Write the first one.";
  const last = Math.min(state.offset + state.items.length, state.total);
  $("page-status").textContent = state.items.length ? `${state.offset + 1}–${last} of ${state.total}` : "";
  $("previous").disabled = state.offset === 0;
  $("next").disabled = last >= state.total;
}

function listItem(note) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.id = note.id;
  const age = performance.now() - (state.changed.get(note.id) ?? -GLOW_MS);
  if (age < GLOW_MS) {
    button.classList.add("changed");
    button.style.animationDelay = `${-age}ms`; // goes on where it was when the list is drawn anew
  }
  if (state.note?.id === note.id) button.setAttribute("aria-current", "true");
  const title = document.createElement("strong");
  title.textContent = note.title;
  const time = document.createElement("time");
  time.dateTime = note.updated;
  time.title = new Date(note.updated).toLocaleString();
  time.textContent = shortTime(new Date(note.updated));
  const line = document.createElement("span");
  line.textContent = note.body.slice(0, 300).replace(/[#>*_`~|[\]-]+/g, " ").replace(/\s+/g, " ").trim() || "No text";
  button.append(title, time, line);
  button.addEventListener("click", () => openNote(note));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function shortTime(date) {
  const today = new Date().toDateString() === date.toDateString();
  return today
    ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString([], { day: "numeric", month: "short" });
}

// --- The editor ---------------------------------------------------------------------------------------------------

const isDirty = () =>
  $("title").value !== (state.note?.title ?? "") || $("body").value !== (state.note?.body ?? "");

const mayLeave = () => !isDirty() || confirm("This note has changes that are not saved. Leave it?");

function openNote(note) {
  if (!mayLeave()) return;
  show(note);
  document.body.dataset.view = "note";
}

function newNote() {
  if (!mayLeave()) return;
  show(null);
  document.body.dataset.view = "note";
  $("title").focus();
}

function show(note) {
  state.note = note;
  $("title").value = note?.title ?? "";
  $("body").value = note?.body ?? "";
  notice("");
  renderEditor();
  renderList();
  preview();
}

function renderEditor() {
  $("delete").hidden = state.note === null;
  $("save").disabled = state.saving || !isDirty();
  $("save-state").textContent = state.saving ? "Saving…" : isDirty() ? "Not saved" : state.note ? "Saved" : "";
  document.title = state.note ? `${state.note.title} – Notes` : "Notes";
}

function notice(text, action = "", run = null) {
  $("notice").hidden = !text;
  $("notice-text").textContent = text;
  $("notice-action").hidden = !action;
  $("notice-action").textContent = action;
  $("notice-action").onclick = run;
}

async function save() {
  if (state.saving || !isDirty() || !$("editor").reportValidity()) return;
  const before = state.note;
  const fields = { title: $("title").value, body: $("body").value };
  state.saving = true;
  renderEditor();
  try {
    const note = before
      ? await call("PUT", `/api/notes/${before.id}`, fields)
      : await call("POST", "/api/notes", fields);
    if (state.note === before || state.note?.id === note.id) {
      state.note = note;
      if ($("title").value === fields.title) $("title").value = note.title; // the server trims it
      notice("");
    }
    if (!before) state.offset = 0;
    await loadList();
  } catch (error) {
    if (before && error.status === 404) {
      gone();
    } else {
      notice(`Not saved: ${error.message}`);
    }
  } finally {
    state.saving = false;
    renderEditor();
  }
}

async function remove() {
  const note = state.note;
  if (!note || !confirm(`Delete “${note.title}”?`)) return;
  state.deleting = note.id;
  try {
    await call("DELETE", `/api/notes/${note.id}`);
  } catch (error) {
    if (error.status !== 404) {
      notice(`Not deleted: ${error.message}`);
      return;
    }
  } finally {
    state.deleting = 0;
  }
  show(null);
  document.body.dataset.view = "list";
  await loadList();
}

// The open note was deleted by another page: what is on the screen becomes a draft, so that nothing typed is lost.
function gone() {
  const dirty = isDirty();
  state.note = null;
  if (dirty) {
    renderEditor();
    notice("This note was deleted on another page. Saving makes a new one of it.");
  } else {
    show(null);
    notice("The note was deleted on another page.");
    document.body.dataset.view = "list";
  }
}

// --- The preview: Markdown to safe HTML, by the server's native renderer --------------------------------------------

async function renderPreview(isLatest) {
  const text = $("body").value;
  const target = $("preview");
  if (!text.trim()) {
    target.replaceChildren();
    delete target.dataset.state;
    return;
  }
  try {
    const response = await fetch("/render", {
      method: "POST",
      headers: { "Content-Type": "text/markdown; charset=utf-8" },
      body: text,
    });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const html = await response.text();
    if (!isLatest()) return;
    target.innerHTML = html; // made safe by the server; the page's Content-Security-Policy runs no script in it
    for (const link of target.querySelectorAll("a[href]")) {
      link.target = "_blank";
      link.rel = "noopener noreferrer";
    }
    delete target.dataset.state;
  } catch {
    if (isLatest()) target.dataset.state = "stale";
  }
}

const previewSoon = debounced(TYPING_MS, renderPreview);
const preview = debounced(0, renderPreview);

// --- Changes from other pages ---------------------------------------------------------------------------------------

let failures = 0;

function connect() {
  connection(failures === 0 ? "connecting" : "offline", failures === 0 ? "connecting" : "offline, trying again");
  const socket = new WebSocket(new URL("/ws", location.href.replace(/^http/, "ws")));
  socket.addEventListener("open", () => {
    connection("live", "live");
    if (failures > 0) loadList(); // what happened meanwhile
    failures = 0;
  });
  socket.addEventListener("message", (event) => heard(JSON.parse(event.data)));
  socket.addEventListener("close", () => {
    const wait = RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)];
    failures += 1;
    connection("offline", "offline, trying again");
    setTimeout(connect, wait * (0.75 + Math.random() / 2)); // apart, so that a thousand pages do not come at once
  });
}

function connection(name, text) {
  $("connection").dataset.state = name;
  $("connection").textContent = text;
}

const reloadSoon = debounced(50, loadList);

function heard(change) {
  if (change.type === "deleted") {
    if (state.note?.id === change.id && state.deleting !== change.id) gone();
    reloadSoon();
    return;
  }
  const note = change.note;
  if (!state.saving && !(state.note?.id === note.id && note.updated === state.note.updated)) {
    state.changed.set(note.id, performance.now());
  }
  const shown = state.items.findIndex((item) => item.id === note.id);
  if (shown >= 0) {
    state.items[shown] = note;
    renderList();
  }
  if (state.note?.id === note.id && note.updated > state.note.updated) {
    if (isDirty() && !state.saving) {
      notice("This note was changed on another page.", "Show that version", () => show(note));
    } else if (!state.saving) {
      show(note);
    }
  }
  reloadSoon(); // its place in the list, and whether the search still finds it, is the server's to say
}

// --- Events ---------------------------------------------------------------------------------------------------------

const searchSoon = debounced(TYPING_MS, loadList);

$("search").addEventListener("input", () => {
  state.query = $("search").value.trim();
  state.offset = 0;
  searchSoon();
});
$("previous").addEventListener("click", () => {
  state.offset = Math.max(0, state.offset - PAGE);
  loadList();
});
$("next").addEventListener("click", () => {
  state.offset += PAGE;
  loadList();
});
$("new-note").addEventListener("click", newNote);
$("back").addEventListener("click", () => {
  document.body.dataset.view = "list";
});
$("title").addEventListener("input", renderEditor);
$("body").addEventListener("input", () => {
  renderEditor();
  previewSoon();
});
$("editor").addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
$("delete").addEventListener("click", remove);
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    save();
  }
});
window.addEventListener("beforeunload", (event) => {
  if (isDirty()) event.preventDefault();
});

renderEditor();
loadList();
connect();
