() => {
  // Puts 400 branches on the segment map; returns how many pairs of shown labels overlap, and how many are shown.
  const script = document.querySelector('script.rows[data-q="places"]');
  const content = JSON.parse(script.textContent);
  const at = (name) => content.columns.indexOf(name);
  content.rows = [...Array(400).keys()].map((n) => {
    const row = [...content.rows[0]];
    row[at("branch_id")] = `X${n}`;
    row[at("branch_name")] = `第${n}営業所`;
    row[at("potential_score")] = (n * 37) % 100;
    row[at("won_amount_t12m")] = n % 3 ? 0 : (n * 7919) % 9e6;
    row[at("deals_won_t12m")] = n % 3 ? 0 : 2;
    return row;
  });
  script.textContent = JSON.stringify(content);
  draw();
  const labels = [...document.querySelectorAll('[data-chart="places"] svg text')].filter((one) => one.textContent.endsWith("営業所"));
  const boxes = labels.map((one) => one.getBoundingClientRect());
  const common = (a, b, low, high) => Math.min(a[high], b[high]) - Math.max(a[low], b[low]);
  let overlaps = 0;
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
    if (common(a, b, "left", "right") > 1 && common(a, b, "top", "bottom") > 1) overlaps += 1;
  }));
  return [overlaps, boxes.length];
}
