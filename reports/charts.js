"use strict";
// One function for each kind of chart: it gets the rows of its queries and returns an option of ECharts.
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
      legend: { top: 0, left: 0, data: [say("目標パス(季節性あり)", "path to target (seasonal)"), say("受注額累計", "won so far"), say("予測 P10–P90", "forecast P10–P90")] },
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
};
const drawn = [];
function draw() {
  drawn.forEach((chart) => chart.setOption(CHARTS[chart.getDom().dataset.chart](chart.getDom(), chart), { notMerge: true }));
}
document.querySelectorAll("[data-chart]").forEach((element) => drawn.push(echarts.init(element, null, { renderer: "svg" })));
draw();
document.addEventListener("language", draw);
addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
addEventListener("beforeprint", () => drawn.forEach((chart) => chart.resize()));
