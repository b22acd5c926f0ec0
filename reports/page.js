"use strict";
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const definitions = read("definitions"), why = read("why");
const root = document.documentElement;
const isJa = () => root.lang === "ja";
const say = (ja, en) => (isJa() ? ja : en);

// --- language: ?lang=, else the reader's last choice, else the language of the build, else that of the browser
function setLanguage(lang, keep) {
  root.lang = lang;
  document.querySelectorAll(".switch button").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.set === lang)));
  document.querySelectorAll(".filter").forEach((one) => { one.placeholder = say("絞り込み", "Filter"); one.setAttribute("aria-label", one.placeholder); });
  if (keep) { try { localStorage.setItem("kyoten-lang", lang); } catch { /* not kept: files may have no storage */ } }
  document.dispatchEvent(new Event("language"));
}
function firstLanguage() {
  const asked = new URLSearchParams(location.search).get("lang");
  let kept = null;
  try { kept = localStorage.getItem("kyoten-lang"); } catch { /* none */ }
  const browser = navigator.language.startsWith("ja") ? "ja" : "en";
  return [asked, kept].find((one) => one === "ja" || one === "en") || (root.dataset.given === "ja" ? "ja" : browser);
}
document.querySelectorAll(".switch button").forEach((b) => b.addEventListener("click", () => setLanguage(b.dataset.set, true)));

// --- where a figure comes from
const quote = (text) => "'" + text.replaceAll("'", "''") + "'";
function figureSql(origin, key, column) {
  const values = key === null || !origin.key.length ? [] : key.split("|");
  const same = values.map((value, at) => (value ? `cast(${origin.key[at]} as varchar) = ${quote(value)}` : `${origin.key[at]} is null`));
  if (origin.sql) return `select ${column} from (\n${origin.sql}\n)` + (same.length ? `\nwhere ${same.join(" and ")}` : "");
  const conditions = (origin.where ? [`(${origin.where})`] : []).concat(same);
  const expression = origin.figures[column] || (Object.keys(origin.figures).length ? `distinct ${column}` : column);
  return `select ${expression} from ${origin.table}` + (conditions.length ? `\nwhere ${conditions.join(" and ")}` : "");
}
function texts(origin, column, metric) {
  const tables = origin ? [origin.table].concat(origin.words || []) : [];
  const names = [`kpi.metrics.${metric}`].concat(tables.map((table) => `${table}.${column}`), `kpi.metrics.${column}`);
  return names.map((name) => definitions.columns[name]).find((one) => one);
}
const dialog = document.getElementById("definition");
function show(title, parts) {
  document.getElementById("definition-title").textContent = title;
  const body = document.getElementById("definition-body");
  body.replaceChildren(...parts.filter((part) => part.text).map((part) => {
    const element = document.createElement(part.tag || "p");
    element.textContent = part.text;
    return element;
  }));
  dialog.showModal();
}
function explain(query, key, column, value, metric) {
  const origin = definitions.sources[query];
  const known = texts(origin, column, metric) || [column, column];
  const lang = isJa() ? 0 : 1;
  show(known[lang] || column, [
    { text: value === null ? "" : value },
    { text: known[2 + lang] },
    { text: known[4] && say("算式: ", "Formula: ") + known[4] },
    { text: origin && origin.key && origin.table && say("出所: ", "From: ") + `${origin.table}.${column}` },
    { tag: "pre", text: origin && origin.key && figureSql(origin, key, column) },
  ]);
}
function explainDeal(id) {
  const deal = why[id];
  if (!deal) return show(id, []);
  const [rung, ja, en, day, branch, partner] = deal.decided;
  const status = { supporting: say("一致", "agrees"), contradicting: say("不採用", "lost"), ineligible: say("対象外", "may not count"), candidate: say("参考", "suggestion") };
  show(`${id}: ${say("なぜこの拠点か", "why this branch")}`, [
    { text: `${partner || ""} ${branch || ""}` },
    { text: say(`判定: ${rung} ${ja}(帰属日 ${day})`, `Decided by ${rung} ${en}, by the organisation of ${day}`) },
    ...deal.evidence.map(([state, at, meaningJa, meaning, raw]) => ({ text: `・${status[state] || state}: ${at} ${say(meaningJa, meaning)} ${raw ? `「${raw}」` : ""}` })),
    { text: say("詳しく: ", "More: ") },
    { tag: "pre", text: `make why DEAL=${id}${isJa() ? " LANG_=ja" : ""}` },
  ]);
}
document.addEventListener("click", (event) => {
  const figure = event.target.closest("button.figure"), head = event.target.closest("button.def"), deal = event.target.closest("button.deal");
  if (deal) return explainDeal(deal.textContent);
  if (figure) return explain(figure.dataset.q, figure.dataset.k, figure.dataset.c, figure.innerText, figure.dataset.m);
  if (head) {
    const cell = head.closest("th");
    return explain(cell.closest("table").dataset.q, null, cell.dataset.c, null);
  }
  const cell = event.target.closest("td.num");
  if (cell) {
    const table = cell.closest("table"), column = table.tHead.rows[0].cells[cell.cellIndex].dataset.c;
    if (column) explain(table.dataset.q, cell.parentElement.dataset.k, column, cell.innerText);
  }
});

// --- lists
document.querySelectorAll(".list").forEach((list) => {
  const rows = [...list.querySelectorAll("tbody tr")];
  const more = list.querySelector(".more"), filter = list.querySelector(".filter");
  if (more) more.addEventListener("click", () => { list.classList.add("all"); more.remove(); });
  if (filter) filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    list.classList.toggle("all", Boolean(wanted) || !list.contains(more));
    rows.forEach((row) => row.classList.toggle("out", !row.textContent.toLowerCase().includes(wanted)));
  });
  list.querySelector(".excel").addEventListener("click", () => document.getElementById("excel").click());
  list.querySelector(".csv").addEventListener("click", (event) => {
    const safe = (text) => (/^[=+\-@＝＋－＠\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text);
    const line = (cells) => cells.map((text) => `"${safe(text).replaceAll('"', '""')}"`).join(",");
    const heads = [...list.querySelectorAll("thead th")].map((cell) => cell.innerText);
    const lines = [line(heads), ...rows.filter((row) => !row.classList.contains("out")).map((row) => line([...row.cells].map((cell) => (cell.classList.contains("num") && "v" in cell.dataset ? cell.dataset.v : textOf(cell)))))];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    link.download = `${event.target.dataset.name}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
});
// innerText is empty in a hidden row, so the text of the other language is left out by hand.
function textOf(cell) {
  const copy = cell.cloneNode(true);
  copy.querySelectorAll(`[lang=${isJa() ? "en" : "ja"}]`).forEach((one) => one.remove());
  return copy.textContent.trim();
}

// --- a picker shows one of several parts, such as one account manager: the address keeps the choice
document.querySelectorAll("select.picker").forEach((picker) => {
  const pick = () => document.querySelectorAll("[data-part]").forEach((part) => { part.hidden = part.dataset.part !== picker.value; });
  const wanted = decodeURIComponent(location.hash.slice(1));
  if ([...picker.options].some((option) => option.value === wanted)) picker.value = wanted;
  picker.addEventListener("change", () => { location.replace("#" + encodeURIComponent(picker.value)); pick(); });
  pick();
});
setLanguage(firstLanguage(), false);
