// What the explorer does in the browser: addresses, the gene table's rows and state, saving, light and dark.
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
  components.GeneLink = function (props) {
    const open = (event) => { if (isPlain(event)) { event.preventDefault(); go(genePath(props.value)); } };
    return window.React.createElement("a", { href: genePath(props.value), onClick: open }, props.value);
  };

  // ---- the gene table's state, kept in the address
  let current = { method: "", find: "", defaults: "" };
  let api = null;
  let wasReady = null;

  const alive = () => api && !api.isDestroyed();
  function visible() { return api.getAllDisplayedColumns().map((column) => column.getColId()); }

  function remember() {
    if (!alive() || window.location.pathname !== "/") return;
    const sort = api.getColumnState().filter((c) => c.sort).sort((a, b) => a.sortIndex - b.sortIndex)
      .map((c) => `${c.colId}:${c.sort}`).join(",");
    const filters = api.getFilterModel() || {};
    const columns = visible().join(",");
    const query = new URLSearchParams();
    const had = new URLSearchParams(window.location.search).get("method");
    if (had) query.set("method", had);
    if (sort && sort !== current.sort) query.set("sort", sort);
    if (Object.keys(filters).length) query.set("filter", JSON.stringify(filters));
    if (columns !== current.columns) query.set("columns", columns);
    if (current.find) query.set("find", current.find);
    const text = query.toString();
    window.history.replaceState(window.history.state, "", "/" + (text ? "?" + text : ""));
  }

  function watch(found, source) {
    api = found;
    current = { method: source.method, find: source.find, sort: source.sort, columns: source.columns };
    for (const name of ["sortChanged", "filterChanged", "columnVisible", "columnMoved"]) {
      api.addEventListener(name, remember);
    }
    if (window.innerWidth < 640 && !new URLSearchParams(window.location.search).has("columns")) {
      current.columns = ""; // what fits on a phone; the address need not say so
      const kept = ["target", "pearson_pooled", "gain", "mean", "q_value"];
      api.setColumnsVisible(visible().filter((name) => !kept.includes(name)), false);
      api.moveColumns(kept, 0);
      current.columns = visible().join(",");
      remember();
    }
    api.addEventListener("cellKeyDown", (event) => {
      if (event.event.key === "Enter" && event.column.getColId() === "target") go(genePath(event.data.target));
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
      return `${targets.length} rows saved as ${link.download}.`;
    },
  };

  // ---- the search field: Enter, or a choice from its list
  function searched(field, isChoice) {
    const text = field.value.trim();
    if (!text) return;
    if (field.id === "beside") {
      const query = new URLSearchParams(window.location.search);
      query.set("with", text);
      go(window.location.pathname + "?" + query.toString());
      return;
    }
    if (isChoice || text) { go(genePath(text)); field.value = ""; field.blur(); }
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

  // What takes long is asked for when it is nearly in sight.
  const nearly = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      nearly.unobserve(entry.target);
      clientside.set_props("explain-asked", { data: entry.target.dataset.target });
    }
  }, { rootMargin: "400px" });
  const asked = new WeakSet();
  function lookOut() {
    const place = document.getElementById("explain");
    if (place && !asked.has(place)) { asked.add(place); nearly.observe(place); }
  }
  new MutationObserver(() => { mark(); lookOut(); }).observe(document, { childList: true, subtree: true });
})();
