// What the explorer does in the browser: addresses, rows and state of its grids, saving, light and dark.
(function () {
  "use strict";
  const clientside = (window.dash_clientside = window.dash_clientside || {});
  const functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  const components = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
  const none = () => clientside.no_update;

  // ---- going somewhere without loading the page again
  function go(href) {
    window.history.pushState({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  }
  const genePath = (name) => "/gene/" + encodeURIComponent(name);
  const samplePath = (name) => "/sample/" + encodeURIComponent(name);
  const isPlain = (event) => !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button);

  // ---- numbers as the table shows them
  functions.shown = function (value, digits) {
    if (value === null || value === undefined) return "";
    if (digits < 0) return value < 1e-10 ? "< 1e−10" : value >= 0.001 ? value.toFixed(3) : value.toExponential(1).replace("-", "−");
    const text = value.toFixed(digits);
    return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
  };
  functions.bar = function (value) {
    if (value === null || value === undefined || value <= 0) return {};
    const width = Math.min(100, Math.round(100 * value));
    return { background: `linear-gradient(var(--bar), var(--bar)) left bottom / ${width}% 6px no-repeat` };
  };
  functions.percent = (value) => (value === null || value === undefined ? "" : `${Math.round(100 * value)} %`);
  functions.flag = (value) => (value === "flagged" ? { color: "var(--warn)", fontWeight: 600 } : {});
  const linked = (path) => function (props) {
    const open = (event) => { if (isPlain(event)) { event.preventDefault(); go(path(props.value)); } };
    return window.React.createElement("a", { href: path(props.value), onClick: open }, props.value);
  };
  components.GeneLink = linked(genePath);
  components.SampleLink = linked(samplePath);
  const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, " ");

  // ---- a grid's state, kept in the address: of the gene table, or of the list of samples
  const GRIDS = {
    "/": { key: "target", path: genePath, kept: ["method"], phone: ["target", "pearson_pooled", "gain", "mean", "q_value"] },
    "/forecast": { key: "sample", path: samplePath, kept: ["gene"], phone: ["sample", "fit", "predicted", "nearest_lineage"], width: 160 },
  };
  let current = { method: "", find: "", sort: "", columns: "", place: "/" };
  let api = null;
  let wasReady = null;

  const alive = () => api && !api.isDestroyed();
  function visible() { return api.getAllDisplayedColumns().map((column) => column.getColId()); }

  function remember() {
    if (!alive() || window.location.pathname !== current.place) return;
    const sort = api.getColumnState().filter((c) => c.sort).sort((a, b) => a.sortIndex - b.sortIndex)
      .map((c) => `${c.colId}:${c.sort}`).join(",");
    const filters = api.getFilterModel() || {};
    const columns = visible().join(",");
    const query = new URLSearchParams();
    const had = new URLSearchParams(window.location.search);
    for (const name of GRIDS[current.place].kept) if (had.get(name)) query.set(name, had.get(name));
    if (sort && sort !== current.sort) query.set("sort", sort);
    if (Object.keys(filters).length) query.set("filter", JSON.stringify(filters));
    if (columns !== current.columns) query.set("columns", columns);
    if (current.find) query.set("find", current.find);
    const text = query.toString();
    window.history.replaceState(window.history.state, "", current.place + (text ? "?" + text : ""));
  }

  function watch(found, source) {
    api = found;
    current = { ...source };
    const grid = GRIDS[source.place];
    for (const name of ["sortChanged", "filterChanged", "columnVisible", "columnMoved"]) {
      api.addEventListener(name, remember);
    }
    if (window.innerWidth < 640 && !new URLSearchParams(window.location.search).has("columns")) {
      current.columns = ""; // what fits on a phone; the address need not say so
      const kept = grid.phone.filter((name) => api.getColumn(name));
      api.setColumnsVisible(visible().filter((name) => !kept.includes(name)), false);
      api.moveColumns(kept, 0);
      if (grid.width) api.setColumnWidths([{ key: grid.key, newWidth: grid.width }]);
      current.columns = visible().join(",");
      remember();
    }
    api.addEventListener("cellKeyDown", (event) => {
      if (event.event.key === "Enter" && event.column.getColId() === grid.key) go(grid.path(event.data[grid.key]));
    });
  }

  // One answer for each address: a method's rows are fetched once.
  const fetched = new Map();
  async function fetchRows(url, ready) {
    const key = url + ready;
    if (!fetched.has(key)) {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`the table could not be read (${answer.status})`);
      const columns = await answer.json();
      const names = Object.keys(columns);
      const rows = new Array(columns.target.length);
      for (let at = 0; at < rows.length; at++) {
        const row = {};
        for (const name of names) row[name] = columns[name][at];
        rows[at] = row;
      }
      fetched.set(key, rows);
    }
    return fetched.get(key);
  }

  clientside.knockcast = {
    // A page is made for its address, and once more when the index is there; not where that is no news.
    where: function (pathname, search, ready) {
      const by = clientside.callback_context.triggered.map((one) => one.prop_id);
      const same = Boolean(ready) === wasReady;
      wasReady = Boolean(ready);
      if (same && by.length && by.every((name) => name === "ready.data")) return none();
      return { path: window.location.pathname, search: window.location.search, ready: wasReady };
    },

    // A page arrived: its title, and the focus for those who do not see it.
    arrived: function (title) {
      if (!title) return none();
      const early = document.getElementById("early");
      if (early) early.remove();
      const first = document.title === "Knockcast";
      document.title = title;
      if (!first) document.getElementById("page").focus({ preventScroll: true });
      return none();
    },

    rows: async function (source) {
      if (!source) return none();
      const rows = await fetchRows(source.url, source.ready);
      window.dash_ag_grid.getApiAsync("genes").then((found) => watch(found, source));
      return rows;
    },

    samples: function (source) {
      if (source) window.dash_ag_grid.getApiAsync("samples").then((found) => watch(found, source));
      return none();
    },

    columns: function (chosen) {
      if (!alive() || !chosen) return none();
      const all = api.getColumns().map((column) => column.getColId()).filter((name) => name !== "target");
      api.setColumnsVisible(all.filter((name) => chosen.includes(name)), true);
      api.setColumnsVisible(all.filter((name) => !chosen.includes(name)), false);
      return none();
    },

    find: function (text) {
      if (!alive() || text === current.find) return none();
      current.find = text || "";
      api.setGridOption("quickFilterText", current.find);
      remember();
      return none();
    },

    reset: function (clicks) {
      if (clicks) go("/" + (current.method ? "?method=" + encodeURIComponent(current.method) : ""));
      return none();
    },

    save: async function (csv, parquet) {
      const button = (clientside.callback_context.triggered[0] || {}).prop_id || "";
      if (!alive() || !(csv || parquet)) return none();
      const kind = button.startsWith("save-parquet") ? "parquet" : "csv";
      const targets = [];
      api.forEachNodeAfterFilterAndSort((node) => targets.push(node.data.target));
      const answer = await fetch(`/data/genes/${encodeURIComponent(current.method)}.${kind}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ targets, columns: visible() }),
      });
      if (!answer.ok) return `Not saved: the explorer answered ${answer.status}.`;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = `${current.method}.genes.${kind}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      return `${grouped(targets.length)} rows saved as ${link.download}.`;
    },
  };

  // ---- the search field: Enter, or a choice from its list
  // Part of a name goes to the gene, where only one has it; else to the page that lists them.
  async function meant(text) {
    try {
      const found = await (await fetch("/data/find.json?text=" + encodeURIComponent(text))).json();
      return found.target === null && found.completions.length === 1 ? found.completions[0] : text;
    } catch { return text; }
  }
  async function searched(field, isChoice) {
    const text = field.value.trim();
    if (!text) return;
    const name = isChoice ? text : await meant(text);
    if (field.id === "beside") {
      const query = new URLSearchParams(window.location.search);
      query.set("with", name);
      go(window.location.pathname + "?" + query.toString());
      return;
    }
    go(genePath(name));
    field.value = "";
    field.blur();
  }
  const isSearch = (target) => target instanceof HTMLInputElement && ["search", "beside"].includes(target.id);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && isSearch(event.target)) { event.preventDefault(); searched(event.target, false); }
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
      const field = document.getElementById("search");
      if (field) { event.preventDefault(); field.focus(); field.select(); }
    }
  });
  document.addEventListener("input", (event) => {
    // A choice from the list replaces the text as a whole; typing has an inputType of its own.
    const chosen = event.inputType === "insertReplacementText" || event.inputType === undefined;
    if (event.isTrusted && chosen && isSearch(event.target)) searched(event.target, true);
  });
  document.addEventListener("submit", (event) => event.preventDefault());

  // ---- light, dark, or as the system has it
  const THEMES = ["", "light", "dark"];
  function dress(theme) {
    if (theme) document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme;
  }
  dress(localStorage.getItem("knockcast-theme"));
  document.addEventListener("click", (event) => {
    if (!event.target.closest || !event.target.closest("#theme")) return;
    const next = THEMES[(THEMES.indexOf(localStorage.getItem("knockcast-theme") || "") + 1) % THEMES.length];
    localStorage.setItem("knockcast-theme", next);
    dress(next);
  });
  // The page that is current, marked in the navigation.
  function mark() {
    for (const link of document.querySelectorAll("header.top nav a")) {
      const here = link.getAttribute("href") === (window.location.pathname.startsWith("/gene/") ? "/" : window.location.pathname);
      if (here && !link.hasAttribute("aria-current")) link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.offsetLeft;
      if (here) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    }
  }

  // What takes long is asked for when it is nearly in sight, or when the page has stood for a while:
  // then a print or a picture of the whole page has it too.
  const AT_REST = 3000; // milliseconds
  const seen = new WeakSet();
  const asked = new WeakSet();
  function ask(place) {
    nearly.unobserve(place);
    if (asked.has(place)) return;
    asked.add(place);
    clientside.set_props("explain-asked", { data: place.dataset.target });
  }
  const nearly = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) ask(entry.target);
  }, { rootMargin: "400px" });
  function atRest(place) {
    if (!place.isConnected || asked.has(place)) return;
    if (document.hidden) setTimeout(atRest, AT_REST, place); else ask(place);
  }
  function lookOut() {
    const place = document.getElementById("explain");
    if (!place || seen.has(place)) return;
    seen.add(place);
    nearly.observe(place);
    setTimeout(atRest, AT_REST, place);
  }
  new MutationObserver(() => { mark(); lookOut(); }).observe(document, { childList: true, subtree: true });
})();
