// The appearance of the system, where none was chosen: before anything is drawn.
(() => {
  const root = document.documentElement;
  if (root.dataset.bsTheme) return;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const set = () => { root.dataset.bsTheme = dark.matches ? 'dark' : 'light'; };
  dark.addEventListener('change', set);
  set();
})();
