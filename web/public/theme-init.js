// The colour scheme before the first paint; a file, because the policy allows no inline script.
(function () {
  var s = null;
  try { s = localStorage.getItem('mantine-color-scheme-value'); } catch (e) { /* no storage: follow the system */ }
  if (s !== 'light' && s !== 'dark') s = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  document.documentElement.setAttribute('data-mantine-color-scheme', s);
})();
