// What pages do that links and forms cannot: charts, menus that close, and forms that are sent once.
(() => {
  const echartsAddress = document.currentScript.dataset.echarts;
  const tones = () => {
    const dark = document.documentElement.dataset.bsTheme === 'dark';
    return {
      good: dark ? '#3fb950' : '#07883f', bad: dark ? '#f85149' : '#c0392b', warn: dark ? '#e3a008' : '#b7791f',
      calm: dark ? '#58a6ff' : '#206bc4', quiet: dark ? '#8b949e' : '#8a97a8',
      ink: dark ? '#b6bec9' : '#5b6675', line: dark ? '#30363d' : '#dce1e7',
    };
  };

  const options = (c) => {
    const tone = tones();
    const { ink, line } = tone;
    const spare = [tone.calm, tone.good, tone.warn, tone.quiet, tone.bad];
    return {
      animation: false,
      aria: { enabled: false },
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 12, top: c.series.length > 1 ? 36 : 12, bottom: 4, containLabel: true },
      legend: c.series.length > 1 ? { type: 'scroll', top: 0, left: 0, icon: 'roundRect', itemWidth: 10, itemHeight: 10, textStyle: { color: ink } } : undefined,
      tooltip: { trigger: 'axis', renderMode: 'richText', confine: true },
      xAxis: { type: 'category', data: c.x, axisLabel: { color: ink, hideOverlap: true }, axisLine: { lineStyle: { color: line } }, axisTick: { show: false } },
      yAxis: { type: 'value', minInterval: 1, axisLabel: { color: ink }, splitLine: { lineStyle: { color: line } } },
      series: c.series.map((s, i) => ({
        name: s.name, type: c.kind, data: s.values, stack: c.stack ? 'all' : undefined, symbolSize: 6, barMaxWidth: 36,
        itemStyle: { color: tone[s.tone] || spare[i % spare.length] }, lineStyle: { color: tone[s.tone] || spare[i % spare.length], width: 2 },
      })),
    };
  };

  let loading;
  const library = () => loading ||= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = echartsAddress;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });

  const drawn = new Map();
  const draw = async (element) => {
    await library();
    if (!element.isConnected) return;
    const chart = drawn.get(element) || window.echarts.init(element);
    drawn.set(element, chart);
    chart.setOption(options(JSON.parse(element.dataset.chart)), true);
    element.dataset.drawn = 'true';
  };
  const drawAll = (root) => {
    for (const [element, chart] of drawn) if (!element.isConnected) { chart.dispose(); drawn.delete(element); }
    for (const element of root.querySelectorAll('[data-chart]')) draw(element);
  };

  addEventListener('resize', () => { for (const chart of drawn.values()) chart.resize(); });
  new MutationObserver(() => { for (const element of drawn.keys()) draw(element); })
    .observe(document.documentElement, { attributes: true, attributeFilter: ['data-bs-theme'] });
  document.addEventListener('htmx:after:swap', () => drawAll(document));

  // A menu closes when something else is clicked, and with Escape.
  document.addEventListener('click', (event) => {
    for (const menu of document.querySelectorAll('details.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    for (const menu of document.querySelectorAll('details.menu[open]')) { menu.open = false; menu.querySelector('summary').focus(); }
  });

  // A form that was sent is not sent again by a second click; the server holds the same rule.
  document.addEventListener('submit', (event) => {
    if (event.defaultPrevented || event.target.hasAttribute('data-many')) return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = 'true';
  });
  addEventListener('pageshow', () => { for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent; });

  // On a narrow page the tab that is lit may be out of sight.
  document.querySelector('.tabs .active')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });

  drawAll(document);
})();
