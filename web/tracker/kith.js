/* kith.js - tells a Kith server what visitors of a page do.
 *
 *   <script>window.kith = window.kith || []</script>
 *   <script async src="https://crm.example/v1/kith.js" data-key="ek_..." data-consent="required"></script>
 *   kith.push(['track', 'added_to_cart', { product: 'A1', value: 12.5 }])
 *
 * Attributes: data-key; data-consent "required" (nothing is kept or sent before kith.consent(true)) or "implied"; data-signals
 * "ignore" passes over Global Privacy Control and Do Not Track, which otherwise count as a refusal; data-pages "off" sends no
 * page view by itself. Nothing is asked of third parties. */
(function (w, d) {
  'use strict';
  var tag = d.currentScript;
  if (!tag || (w.kith && w.kith.version)) return;
  var data = tag.dataset, key = data.key, url = new URL(tag.src).origin + '/v1/batch';
  var nav = w.navigator, early = w.kith instanceof Array ? w.kith : [];
  var MONTHS13 = 33955200, SESSION = 1800, FLUSH = 2000, MOST = 10, KEEP = 500;
  var queue = [], timer, session;

  function uuid() {
    if (w.crypto.randomUUID) return w.crypto.randomUUID();
    return Array.from(w.crypto.getRandomValues(new Uint8Array(16)), function (b) { return (b + 256).toString(16).slice(1); }).join('');
  }

  /* ---- cookies of the page's own site ---- */
  function read(name) {
    var m = ('; ' + d.cookie).split('; ' + name + '=');
    return m.length > 1 ? decodeURIComponent(m.pop().split(';')[0]) : '';
  }
  function write(name, value, seconds) {
    d.cookie = name + '=' + encodeURIComponent(value) + '; path=/; max-age=' + seconds + '; samesite=lax' +
      (w.location.protocol === 'https:' ? '; secure' : '');
  }

  /* ---- consent ---- */
  var refused = data.signals !== 'ignore' && (nav.globalPrivacyControl === true || nav.doNotTrack === '1');
  function allowed() {
    var said = read('kith_consent');
    if (said) return said === 'yes';
    return !refused && data.consent !== 'required';
  }
  function undecided() {
    return !refused && !read('kith_consent') && data.consent === 'required';
  }
  function forget() {
    ['kith_id', 'kith_session', 'kith_user'].forEach(function (n) { write(n, '', 0); });
  }

  /* ---- who ---- */
  function visitor() {
    var id = read('kith_id') || uuid();
    write('kith_id', id, MONTHS13);
    return id;
  }
  function sessionId() {
    session = read('kith_session') || uuid();
    write('kith_session', session, SESSION);
    return session;
  }

  /* ---- sending ---- */
  function stamp(item) {
    var user = JSON.parse(read('kith_user') || 'null');
    item.anonymousId = visitor();
    if (user && item.type !== 'identify') { item.userId = user.id; item.signature = user.signature; }
    if (item.properties) item.properties.session = sessionId();
    return item;
  }
  function flush(leaving) {
    clearTimeout(timer);
    timer = 0;
    if (!queue.length || !allowed()) return;
    var items = queue.splice(0, 100);
    var body = JSON.stringify({ writeKey: key, sentAt: new Date().toISOString(), batch: items.map(stamp) });
    /* text/plain needs no question ahead; small enough for a beacon, which outlives the page */
    if (leaving && nav.sendBeacon && nav.sendBeacon(url, body)) return;
    w.fetch(url, { method: 'POST', body: body, keepalive: body.length < 60000, credentials: 'omit', headers: { 'Content-Type': 'text/plain' } })
      .then(function (r) { if (r.status >= 500 || r.status === 429) throw r; })
      .catch(function () { queue = items.concat(queue).slice(0, KEEP); if (!leaving) timer = timer || setTimeout(flush, 10 * FLUSH); });
  }
  function add(item) {
    if (!allowed() && !undecided()) return;
    item.messageId = uuid();
    item.timestamp = new Date().toISOString();
    if (queue.length < KEEP) queue.push(item);
    if (queue.length >= MOST) flush();
    else timer = timer || setTimeout(flush, FLUSH);
  }

  /* ---- what pages call ---- */
  function campaign(into) {
    new URLSearchParams(w.location.search).forEach(function (v, k) {
      if (/^utm_(source|medium|campaign|term|content)$/.test(k)) into[k] = v.slice(0, 200);
    });
    return into;
  }
  function place() {
    return { url: w.location.href.split('#')[0], title: d.title, referrer: d.referrer };
  }
  var api = {
    version: 1,
    page: function (more) { add({ type: 'page', properties: campaign(Object.assign(place(), more)) }); },
    track: function (name, more) {
      add({ type: 'track', event: String(name), properties: Object.assign({}, more), context: { page: place() } });
    },
    /* signature: HMAC-SHA256 of the id under the source's secret, made by the site's own server */
    identify: function (id, signature) {
      if (!allowed()) return;
      write('kith_user', JSON.stringify({ id: String(id), signature: signature }), MONTHS13);
      add({ type: 'identify', userId: String(id), signature: signature });
    },
    /* at signing out: from now on this is somebody else */
    reset: function () { flush(); queue = []; forget(); },
    /* true, false, or nothing to ask: "yes", "no", "" for not said */
    consent: function (yes) {
      if (yes === undefined) return read('kith_consent');
      write('kith_consent', yes ? 'yes' : 'no', MONTHS13);
      if (yes) flush();
      else { queue = []; forget(); }
    },
    flush: function () { flush(); },
    push: function (call) { if (typeof api[call[0]] === 'function') api[call[0]].apply(api, [].slice.call(call, 1)); }
  };
  w.kith = api;
  d.addEventListener('visibilitychange', function () { if (d.visibilityState === 'hidden') flush(true); });
  w.addEventListener('pagehide', function () { flush(true); });
  if (data.pages !== 'off') api.page();
  early.forEach(api.push);
})(window, document);
