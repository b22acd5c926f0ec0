"use strict";
// One function for each kind of chart: it gets the rows of its queries and returns an option of ECharts.
const words = read("words");
const word = (code) => (words[code] ? words[code][isJa() ? 0 : 1] : code);
const font = getComputedStyle(document.body).fontFamily;
const INK = "#1f2933", SOFT = "#52606d", BLUE = "#0b5c8a", SAND = "#c9a227", GREY = "#9aa5b1", BAND = "#dbe7ef";
function rowsOf(name) {
  const { columns, rows } = JSON.parse(document.querySelector(`script.rows[data-q="${name}"]`).textContent);
  return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
}
const money = (value) => {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (isJa()) return size >= 1e8 ? `${+(value / 1e8).toFixed(2)}億円` : size >= 1e4 ? `${Math.round(value / 1e4).toLocaleString()}万円` : `${Math.round(value)}円`;
  return size >= 1e9 ? `${+(value / 1e9).toFixed(2)} bn` : size >= 1e6 ? `${+(value / 1e6).toFixed(1)} M` : Math.round(value).toLocaleString();
};
const count = (value) => (value === null ? "–" : (+value.toFixed(1)).toLocaleString());
const month = (day) => day.slice(0, 7);
const base = (option) => ({ animation: false, textStyle: { fontFamily: font, color: INK }, grid: { left: 8, right: 16, top: 32, bottom: 8, containLabel: true }, aria: { enabled: true, label: { enabled: true } }, ...option });

const CHARTS = {
  // KGI: won so far, the seasonal path, and where the forecast lands
  path() {
    const path = rowsOf("path"), landing = rowsOf("landing");
    const x = path.map((row) => month(row.month));
    const at = (row) => [month(row.ends_on), row.landing_p50];
    const band = landing.filter((row) => x.includes(month(row.ends_on)));
    return base({
      legend: { type: "scroll", top: 0, left: 0, data: [say("目標パス(季節性あり)", "path to target (seasonal)"), say("受注額累計", "won so far"), say("予測 P10–P90", "forecast P10–P90")] },
      tooltip: { trigger: "axis", valueFormatter: money, confine: true },
      xAxis: { type: "category", data: x, axisLabel: { color: SOFT } },
      yAxis: { type: "value", axisLabel: { formatter: money, color: SOFT } },
      series: [
        { name: say("目標パス(季節性あり)", "path to target (seasonal)"), type: "line", data: path.map((row) => row.path_seasonal), symbol: "none", lineStyle: { color: GREY, type: "dashed" }, itemStyle: { color: GREY } },
        { name: say("受注額累計", "won so far"), type: "line", data: path.map((row) => row.actual), lineStyle: { color: BLUE, width: 3 }, itemStyle: { color: BLUE } },
        { name: say("予測 P10–P90", "forecast P10–P90"), type: "candlestick", barWidth: 14, data: x.map((one) => { const row = band.find((each) => month(each.ends_on) === one); return row ? [row.landing_p10, row.landing_p90, row.landing_p10, row.landing_p90] : "-"; }), itemStyle: { color: "#8fb8d0", color0: "#8fb8d0", borderColor: BLUE, borderColor0: BLUE } },
        { name: say("予測の中央値", "forecast, median"), type: "scatter", data: band.map(at), symbol: "diamond", symbolSize: 11, itemStyle: { color: BLUE, borderColor: "#fff" } },
      ],
    });
  },
  // a KPI: thirteen months, the noise band behind
  months(element) {
    const metric = element.dataset.metric;
    const rows = rowsOf("kpi_months").filter((row) => row.metric === metric);
    const band = rowsOf("bands").find((row) => row.metric === metric);
    const isShare = element.dataset.unit === "ratio";
    const format = (value) => (value === null ? "–" : isShare ? `${(100 * value).toFixed(1)}%` : (+value.toFixed(1)).toLocaleString());
    const area = band && band.months >= 8 && band.low !== null ? { silent: true, itemStyle: { color: BAND }, data: [[{ yAxis: band.low }, { yAxis: band.high }]] } : undefined;
    const values = rows.map((row) => row.actual).filter((value) => value !== null).concat(area ? [band.low, band.high] : []);
    const low = Math.min(...values), high = Math.max(...values), rim = (high - low) * 0.1 || 1;
    return base({
      grid: { left: 2, right: 6, top: 6, bottom: 2 },
      tooltip: { trigger: "axis", valueFormatter: format, confine: true },
      xAxis: { type: "category", data: rows.map((row) => month(row.month)), show: false },
      yAxis: { type: "value", min: low - rim, max: high + rim, show: false },
      series: [{ type: "line", name: "", data: rows.map((row) => row.actual), symbolSize: (value, at) => (at.dataIndex === rows.length - 1 ? 7 : 0), showAllSymbol: true, lineStyle: { color: BLUE, width: 2 }, itemStyle: { color: BLUE }, markArea: area }],
    });
  },
  // segment map: labels that would collide are left out; zooming in brings them back
  places(element, chart) {
    const all = rowsOf("places").filter((row) => row.potential_score !== null);
    const partner = document.getElementById("map-partner").value, moved = document.getElementById("map-moved").getAttribute("aria-pressed") === "true";
    const colours = { high_touch: BLUE, tech_touch: SAND, none: GREY };
    const y = (amount) => Math.sqrt(Math.max(amount, 0));
    // Branches without a win lie in a strip below zero, each at a height of its own, so that they can be told apart.
    const strip = Math.max(1, ...all.map((row) => y(row.won_amount_t12m))) * 0.3;
    const height = (row) => (row.deals_won_t12m > 0 ? y(row.won_amount_t12m) : -strip * (0.1 + 0.85 * (([...row.branch_id].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 997, 7) * 37 % 101) / 101)));
    const point = (row) => ({
      name: row.branch_name, value: [row.potential_score, height(row)], row,
      symbolSize: (8 + 2 * Math.sqrt(row.headcount || 1)) * Math.min(1, 12 / Math.sqrt(all.length)),
      itemStyle: { color: row.observed_mode === "none" ? "#fff" : colours[row.support_mode] || GREY, borderColor: colours[row.support_mode] || GREY, borderWidth: 2, opacity: partner && row.partner_name !== partner ? 0.12 : 0.9 },
      label: { show: !partner || row.partner_name === partner },
    });
    const jumps = moved ? all.filter((row) => row.segment_before && row.segment_before !== row.segment && row.potential_before !== null && (!partner || row.partner_name === partner)) : [];
    const cut = all.length ? all[0].potential_cut : null;
    return base({
      grid: { left: 8, right: 72, top: 48, bottom: 30, containLabel: true },
      tooltip: { confine: true, formatter: ({ data }) => data.row ? `<b>${data.row.branch_name}</b> ${data.row.partner_name}<br>${say("ポテンシャル", "potential")} ${data.row.potential_score.toFixed(0)} · ${say("受注額", "won")} ${money(data.row.won_amount_t12m)} (${data.row.deals_won_t12m})<br>${word(data.row.segment)}<br>${say("支援", "support")}: ${word(data.row.support_mode)} · ${say("実際", "observed")}: ${word(data.row.observed_mode)}${data.row.segment_before ? `<br>${say("前の半期", "half before")}: ${word(data.row.segment_before)}` : ""}` : "" },
      dataZoom: [{ type: "inside", xAxisIndex: 0, filterMode: "none" }, { type: "inside", yAxisIndex: 0, filterMode: "none" }],
      toolbox: { right: 8, feature: { dataZoom: { title: { zoom: say("範囲を拡大", "zoom"), back: say("戻す", "back") } }, restore: { title: say("元に戻す", "reset") } } },
      xAxis: { name: say("ポテンシャル", "potential"), nameLocation: "middle", nameGap: 26, type: "value", min: 0, max: 100, axisLabel: { color: SOFT }, splitLine: { show: false } },
      yAxis: { name: say("12か月の受注額", "won in twelve months"), nameTextStyle: { align: "left" }, type: "value", min: -strip, splitNumber: 6, axisLabel: { formatter: (value) => (value < 0 ? "" : money(value * value)), color: SOFT }, splitLine: { lineStyle: { color: "#eef1f4" } } },
      series: [
        {
          type: "scatter", data: all.map(point), emphasis: { focus: "self", label: { show: true } },
          label: { show: true, formatter: "{b}", position: "right", fontSize: 11, color: INK, lineHeight: 17, textBorderColor: "#fff", textBorderWidth: 2 }, labelLayout: { hideOverlap: true, moveOverlap: undefined },
          markLine: { silent: true, symbol: "none", lineStyle: { color: SOFT, type: "dashed" }, label: { show: false }, data: [{ xAxis: cut }, { yAxis: 0, label: { show: element.clientWidth > 500, position: "insideEndBottom", color: SOFT, formatter: say("↓ 受注なし(高さに意味はありません)", "↓ no win (height has no meaning)") } }] },
        },
        { type: "lines", coordinateSystem: "cartesian2d", silent: true, symbol: ["none", "arrow"], symbolSize: 7, lineStyle: { color: SOFT, width: 1, opacity: 0.7 }, data: jumps.map((row) => ({ coords: [[row.potential_before, y(row.won_before)], [row.potential_score, height(row)]] })) },
      ],
    });
  },
  intervals() {
    const rows = rowsOf("rates").filter((row) => row.interval_low !== null).reverse();
    const reference = rows.length ? rows[0].reference_rate : null;
    const percent = (value) => `${Math.round(100 * value)}%`;
    return base({
      grid: { left: 8, right: 30, top: 8, bottom: 8, containLabel: true },
      tooltip: { confine: true, formatter: ({ dataIndex }) => { const row = rows[dataIndex]; return `${row.branch_name}<br>${row.numerator} / ${row.denominator}<br>${percent(row.estimated_rate)} (${percent(row.interval_low)}–${percent(row.interval_high)})<br>${word(row.evidence)}`; } },
      xAxis: { type: "value", min: 0, max: (extent) => Math.min(1, Math.ceil(extent.max * 10) / 10), axisLabel: { formatter: percent, color: SOFT } },
      yAxis: { type: "category", data: rows.map((row) => `${row.branch_name} (n=${row.denominator})`), axisLabel: { interval: 0, fontSize: 10 } },
      series: [
        { type: "bar", stack: "interval", silent: true, itemStyle: { color: "transparent" }, data: rows.map((row) => row.interval_low) },
        { type: "bar", stack: "interval", barWidth: 4, data: rows.map((row) => ({ value: row.interval_high - row.interval_low, itemStyle: { color: row.evidence === "none" ? "#b9c4cd" : BLUE } })) },
        { type: "scatter", symbolSize: 7, itemStyle: { color: INK }, data: rows.map((row) => row.estimated_rate), markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: SOFT }, data: reference === null ? [] : [{ xAxis: reference }] } },
      ],
    });
  },
  curve() {
    const rows = rowsOf("curve"), percent = (value) => `${Math.round(100 * value)}%`;
    const to80 = rows.find((row) => row.share_so_far >= 0.8);
    return base({
      tooltip: { trigger: "axis", confine: true, formatter: ([{ dataIndex }]) => { const row = rows[dataIndex]; return `${row.place}. ${row.branch_name}<br>${money(row.amount)} · ${percent(row.share_so_far)}`; } },
      xAxis: { name: say("拠点(受注額の多い順)", "branches, by won amount"), nameLocation: "middle", nameGap: 26, type: "category", data: rows.map((row) => row.place), axisLabel: { color: SOFT } },
      grid: { left: 8, right: 16, top: 24, bottom: 30, containLabel: true },
      yAxis: { type: "value", max: 1, axisLabel: { formatter: percent, color: SOFT } },
      series: [{ type: "line", data: rows.map((row) => row.share_so_far), symbol: "none", lineStyle: { color: BLUE, width: 2 }, areaStyle: { color: BAND }, markLine: to80 ? { silent: true, symbol: "none", lineStyle: { color: SOFT }, label: { formatter: say(`上位${to80.place}拠点で80%`, `${to80.place} branches make 80 %`), position: "insideEndTop", color: INK }, data: [{ yAxis: 0.8 }] } : undefined }],
    });
  },
  tree(element) {
    const row = rowsOf("tree")[0], signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "±") + money(Math.abs(value || 0));
    const node = (ja, en, value, effect, children) => ({ name: `${say(ja, en)}\n{b|${value}}\n{${effect >= 0 ? "up" : "down"}|${signed(effect)}}`, children });
    const narrow = element.clientWidth < 600;
    return base({
      series: [{
        type: "tree", orient: narrow ? "LR" : "TB", roam: false, expandAndCollapse: false, top: narrow ? 30 : 50, bottom: narrow ? 30 : 60, left: narrow ? 70 : 60, right: narrow ? 110 : 60, symbolSize: 1, lineStyle: { color: GREY },
        label: { position: "inside", verticalAlign: "middle", align: "center", backgroundColor: "#fff", borderColor: "#9aa5b1", borderWidth: 1, borderRadius: 4, padding: [5, 7], lineHeight: 16, color: SOFT, fontSize: 11, rich: { b: { fontWeight: "bold", color: INK, fontSize: 13 }, up: { color: "#1b6b3a", fontSize: 11 }, down: { color: "#a61b1b", fontSize: 11 } } },
        data: [node("受注額", "won amount", money(row.won_amount), row.change_amount, [
          node("担当者の分かる受注", "salesperson known", money(row.known_amount), row.known_amount - row.previous_known_amount, [
            node("稼働拠点", "branches", count(row.active_branches), row.active_branches_effect),
            node("× 拠点あたり受注営業", "× salespeople each", count(row.reps_per_branch), row.reps_per_branch_effect),
            node("× 1人あたり受注件数", "× wins each", count(row.wins_per_rep), row.wins_per_rep_effect),
            node("× 平均単価", "× average deal", money(row.average_deal), row.average_deal_effect),
          ]),
          node("担当者不明の受注", "salesperson not known", money(row.unassigned_amount), row.unassigned_effect),
        ])],
      }],
    });
  },
  funnel() {
    const rows = rowsOf("funnel");
    const steps = rows.map((row) => word(row.step));
    return base({
      legend: { top: 0, left: 0 }, tooltip: { trigger: "axis", confine: true },
      xAxis: { type: "value", axisLabel: { color: SOFT } }, yAxis: { type: "category", inverse: true, data: steps },
      series: [
        { name: say("入った件数", "entered"), type: "bar", barGap: "0%", itemStyle: { color: "#b9c4cd" }, data: rows.map((row) => row.entered) },
        { name: say("次に進んだ件数", "passed on"), type: "bar", itemStyle: { color: BLUE }, data: rows.map((row) => row.passed), label: { show: true, position: "right", formatter: ({ dataIndex }) => (rows[dataIndex].pass_rate === null ? "" : `${Math.round(100 * rows[dataIndex].pass_rate)}%`) } },
      ],
    });
  },
  ages() {
    const rows = rowsOf("ages");
    const names = rows.map((row, at) => (rows[at + 1] ? `${row.age_days}–${rows[at + 1].age_days - 1}` : `${row.age_days}–`) + say("日", " days"));
    return base({
      legend: { top: 0, left: 0 }, tooltip: { trigger: "axis", confine: true, valueFormatter: money },
      xAxis: { type: "category", data: names, axisLabel: { color: SOFT } }, yAxis: { type: "value", axisLabel: { formatter: money, color: SOFT } },
      series: [
        { name: say("予定日の前", "not overdue"), type: "bar", stack: "a", itemStyle: { color: BLUE }, data: rows.map((row) => row.pipeline_amount - row.overdue_amount) },
        { name: say("完了予定日を過ぎた", "overdue"), type: "bar", stack: "a", itemStyle: { color: SAND, decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: 0.8, color: "#fff" } }, data: rows.map((row) => row.overdue_amount) },
      ],
    });
  },
  // a goal of a plan: target, target by the seasons, and the result to date
  course() {
    const [plan, goal] = picked.value.split("|");
    const rows = rowsOf("course").filter((row) => row.plan_id === plan && row.goal_id === goal);
    const format = picked.selectedOptions[0].dataset.unit === "JPY" ? money : count;
    const line = (name, column, style, colour) => ({ name, type: "line", symbol: "none", data: rows.map((row) => (column === "actual_to_date" && !row.is_complete ? null : row[column])), lineStyle: { color: colour, ...style }, itemStyle: { color: colour } });
    return base({
      legend: { type: "scroll", top: 0, left: 0 }, tooltip: { trigger: "axis", confine: true, valueFormatter: format },
      xAxis: { type: "category", data: rows.map((row) => month(row.month)), axisLabel: { color: SOFT } },
      yAxis: { type: "value", axisLabel: { formatter: format, color: SOFT } },
      series: [
        line(say("目標累計", "target to date"), "target_to_date", { type: "dotted" }, GREY),
        line(say("目標累計(季節性あり)", "target to date by the seasons"), "seasonal_target_to_date", { type: "dashed" }, SAND),
        { ...line(say("実績累計", "result to date"), "actual_to_date", { width: 3 }, BLUE), symbol: "circle" },
      ],
    });
  },
  // a programme: cost and margin of each month, and whether the sums have crossed
  payback(element) {
    const rows = rowsOf("months").filter((row) => row.programme_id === element.dataset.programme);
    const isMargin = element.dataset.basis === "margin";
    const bar = (name, column, colour) => ({ name, type: "bar", barGap: "0%", itemStyle: { color: colour }, data: rows.map((row) => row[column]) });
    const line = (name, column, colour, type) => ({ name, type: "line", symbol: "none", lineStyle: { color: colour, width: 2, type }, itemStyle: { color: colour }, data: rows.map((row) => row[column]) });
    return base({
      legend: { type: "scroll", top: 0, left: 0 }, tooltip: { trigger: "axis", confine: true, valueFormatter: money },
      xAxis: { type: "category", data: rows.map((row) => month(row.month)), axisLabel: { color: SOFT } },
      yAxis: { type: "value", axisLabel: { formatter: money, color: SOFT } },
      series: [
        bar(say("費用", "cost"), "cost", GREY), bar(isMargin ? say("粗利", "margin") : say("売上", "revenue"), "benefit", "#8fb8d0"),
        line(say("費用累計", "cost to date"), "cumulative_cost", SOFT, "dashed"), line(isMargin ? say("粗利累計", "margin to date") : say("売上累計", "revenue to date"), "cumulative_benefit", BLUE, "solid"),
      ],
    });
  },
  // A tile for each prefecture, roughly where it lies: a map that needs no outlines.
  prefectures() {
    const places = "北海道12,0 青森県12,1 秋田県11,2 岩手県12,2 山形県11,3 宮城県12,3 石川県8,4 富山県9,4 新潟県10,4 福島県11,4 島根県5,5 鳥取県6,5 京都府7,5 福井県8,5 長野県9,5 群馬県10,5 栃木県11,5 茨城県12,5 山口県4,6 広島県5,6 岡山県6,6 兵庫県7,6 滋賀県8,6 岐阜県9,6 山梨県10,6 埼玉県11,6 千葉県12,6 長崎県0,7 佐賀県1,7 福岡県2,7 大分県3,7 大阪府7,7 奈良県8,7 愛知県9,7 静岡県10,7 東京都11,7 熊本県2,8 宮崎県3,8 愛媛県5,8 香川県6,8 和歌山県7,8 三重県8,8 神奈川県11,8 鹿児島県2,9 高知県5,9 徳島県6,9 沖縄県0,10";
    const rows = Object.fromEntries(rowsOf("prefectures").map((row) => [row.prefecture, row]));
    const data = places.split(" ").map((one) => {
      const [, name, x, y] = /^(\D+)(\d+),(\d+)$/.exec(one);
      const row = rows[name] || { customers_won_amount: 0, is_covered: false, branches: 0, producing_branches: 0 };
      return { name, value: [Number(x), Number(y), row.customers_won_amount || 0], row, itemStyle: { borderColor: row.is_covered ? "#fff" : "#a61b1b", borderWidth: row.is_covered ? 1 : 2 } };
    });
    const most = Math.max(1, ...data.map((one) => one.value[2]));
    return base({
      grid: { left: 4, right: 4, top: 4, bottom: 40 },
      tooltip: { confine: true, formatter: ({ data: one }) => `<b>${one.name}</b><br>${money(one.value[2])}<br>${say("拠点", "branches")} ${one.row.branches} · ${say("受注あり", "with wins")} ${one.row.producing_branches}` },
      visualMap: { min: 0, max: most, orient: "horizontal", left: 0, bottom: 0, itemHeight: 90, itemWidth: 10, formatter: money, inRange: { color: ["#f3f6f8", "#8fb8d0", "#0b5c8a"] } },
      xAxis: { type: "category", data: [...Array(13).keys()], show: false }, yAxis: { type: "category", inverse: true, data: [...Array(11).keys()], show: false },
      series: [{ type: "heatmap", data, label: { show: true, fontSize: 10, formatter: ({ name }) => name.replace(/[県府]$|(?<=東京)都/, ""), color: INK, textBorderColor: "#fff", textBorderWidth: 2 } }],
    });
  },
};
const picked = document.getElementById("plan-pick");
const drawn = [];
function draw() {
  drawn.forEach((chart) => chart.setOption(CHARTS[chart.getDom().dataset.chart](chart.getDom(), chart), { notMerge: true }));
}
// A chart in a hidden part has no size: it starts when its part is picked.
function start() {
  document.querySelectorAll("[data-chart]").forEach((element) => { if (element.clientWidth && !echarts.getInstanceByDom(element)) drawn.push(echarts.init(element, null, { renderer: "svg" })); });
  draw();
}
start();
const partners = document.getElementById("map-partner"), movement = document.getElementById("map-moved");
if (partners) {
  const list = document.querySelectorAll(".list"), filter = list[list.length - 1].querySelector(".filter");
  const narrow = (text) => { if (filter) { filter.value = text; filter.dispatchEvent(new Event("input")); } };
  partners.addEventListener("change", () => { draw(); narrow(partners.value); });
  movement.addEventListener("click", () => { movement.setAttribute("aria-pressed", String(movement.getAttribute("aria-pressed") !== "true")); draw(); });
  drawn[0].on("click", ({ data }) => { if (data.row) narrow(data.row.branch_name); });
}
if (picked) picked.addEventListener("change", draw);
document.querySelectorAll("select.picker").forEach((picker) => picker.addEventListener("change", start));
document.addEventListener("language", draw);
addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
addEventListener("beforeprint", () => drawn.forEach((chart) => chart.resize()));
