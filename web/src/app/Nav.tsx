// The sidebar: what there is to go to.
import { Fragment, memo, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { useDashboards } from '../dashboard/dashboards';
import { t } from '../locale/t';
import { address, useMeta, type Entity } from '../meta/meta';
import { Letter } from '../ui/bits';
import { Link } from '../ui/Link';
import { useAllViews } from '../views/views';

// the pages that keep the data clean, where there is something to show on them
const CLEAN = [{ href: '/duplicates', label: 'dup.title', needs: 'duplicate', sign: '=' }, { href: '/quality', label: 'quality.title', needs: 'quality_rule', sign: '✓' }] as const;

interface Place { href: string; label: string; sign: string; of: string; here: boolean; inner?: boolean }
const Place = memo(function Place({ href, label, sign, of, here, inner }: Place) {
  return <Link className={inner ? 'navlink inner' : 'navlink'} href={href} aria-current={here ? 'page' : undefined}><Letter text={sign} of={of} /><span>{label}</span></Link>;
});
const Section = ({ title }: { title: string }) => <div className="navtitle">{title}</div>;

/** onGo: a link was followed, also to the page that is open. */
export function Nav({ onGo }: { onGo: () => void }) {
  const meta = useMeta();
  const [where] = useLocation();
  const view = new URLSearchParams(useSearch()).get('view');
  const pinned = (useAllViews().data ?? []).filter((v) => v.pinned && meta.entity(v.entity));
  const boards = (useDashboards().data ?? []).filter((d) => d.pinned);
  const groups = meta.nav();
  const list = (e: Entity) => { const href = address(e); return <Place key={e.name} href={href} label={e.label_plural} sign={e.label} of={e.name} here={where === href || where.startsWith(href + '/')} />; };
  const [more, setMore] = useState(() => groups.system.some((e) => where.startsWith(address(e))));
  return (
    <nav className="side" aria-label={t('shell.nav')} onClick={(ev) => { if ((ev.target as Element).closest('a')) onGo(); }}>
      <Place href="/" label={t('home.title')} sign="⌂" of="home" here={where === '/'} />
      {meta.entity('dashboard') && <Place href="/dashboards" label={t('dash.title')} sign="▦" of="dashboard" here={where === '/dashboards'} />}
      {meta.entity('dashboard') && boards.map((d) => <Place key={d.id} href={`/dashboards/${d.id}`} label={d.name} sign={d.name} of="dashboard" inner here={where === `/dashboards/${d.id}`} />)}
      {groups.main.map(list)}
      {CLEAN.filter((c) => meta.entity(c.needs)).map((c) => <Place key={c.href} href={c.href} label={t(c.label)} sign={c.sign} of={c.href} here={where === c.href} />)}
      {pinned.length > 0 && <Section title={t('shell.views')} />}
      {pinned.map((v) => { const href = address(meta.entity(v.entity)!); return <Place key={v.id} href={`${href}?view=${v.id}`} label={v.name} sign={v.name} of={v.entity} here={where === href && view === String(v.id)} />; })}
      {groups.activities.length > 0 && <Section title={t('shell.activities')} />}
      {groups.activities.map(list)}
      {groups.areas.map((a) => <Fragment key={a.name}><Section title={a.name} />{a.list.map(list)}</Fragment>)}
      {groups.own.length > 0 && <Section title={t('shell.own')} />}
      {groups.own.map(list)}
      <Section title={t('shell.settings')} />
      <Place href="/settings" label={t('set.title')} sign="≡" of="set" here={where.startsWith('/settings') && where !== '/settings/objects'} />
      <Place href="/settings/objects" label={t('objects.title')} sign="+" of="objects" here={where === '/settings/objects'} />
      {groups.system.length > 0 && <button type="button" className="navlink" aria-expanded={more} onClick={() => setMore(!more)}><Letter text="⚙" of="settings" /><span>{t('shell.admin')}</span><i aria-hidden>›</i></button>}
      {more && <div className="navmore">{groups.system.map(list)}</div>}
    </nav>
  );
}
