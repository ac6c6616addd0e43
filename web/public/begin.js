// Before everything else, as a file because the policy allows no inline script: the colour scheme for the first paint, and
// the questions with which the application began the last time, so that they are answered while it is fetched.
(function () {
  function kept(key) { try { return localStorage.getItem(key); } catch (e) { return null; /* no storage: follow the system, ask later */ } }
  var s = kept('mantine-color-scheme-value');
  if (s !== 'light' && s !== 'dark') s = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  document.documentElement.setAttribute('data-mantine-color-scheme', s);
  window.kithAsked = (kept('kith-first') || '').split('\n').filter(Boolean).map(function (path) {
    return [path, fetch('/api/v1' + path, { credentials: 'same-origin', headers: { Accept: 'application/json' } })];
  });
})();
