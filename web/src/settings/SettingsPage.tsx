// Everything that is set up once, with a sidebar of its own. Each page is loaded when it is opened.
import { NavLink } from '@mantine/core';
import { lazy, Suspense, useEffect, type ComponentType, type LazyExoticComponent } from 'react';
import { Link } from 'wouter';
import { t, type Key } from '../locale/t';
import { address, can, useMeta, type Meta } from '../meta/meta';
import { Empty } from '../ui/bits';

interface Page { key: string; of?: string; part: LazyExoticComponent<ComponentType> }
const GROUPS: { title: Key; pages: Page[] }[] = [
  { title: 'set.group.me', pages: [
    { key: 'appearance', part: lazy(() => import('./Appearance')) },
    { key: 'account', part: lazy(() => import('./Account')) },
    { key: 'values', part: lazy(() => import('./Values')) } ] },
  { title: 'set.group.people', pages: [
    { key: 'users', of: 'user', part: lazy(() => import('./Users')) },
    { key: 'teams', of: 'team', part: lazy(() => import('./Teams')) },
    { key: 'roles', of: 'grant', part: lazy(() => import('./Roles')) } ] },
  { title: 'set.group.data', pages: [
    { key: 'objects', of: 'object', part: lazy(() => import('./ObjectsPage')) },
    { key: 'choices', of: 'choice', part: lazy(() => import('./ChoiceLists')) },
    { key: 'layouts', of: 'layout', part: lazy(() => import('./Layouts')) },
    { key: 'bin', part: lazy(() => import('./Bin')) } ] },
  { title: 'set.group.system', pages: [
    { key: 'audit', part: lazy(() => import('./Audit')) },
    { key: 'health', part: lazy(() => import('./Health')) } ] },
];
// kept as records like all others: their lists are their pages
const LISTS = ['currency', 'rate', 'working_hours', 'holiday', 'view', 'import'];
const may = (meta: Meta, p: Page) => { const e = p.of ? meta.entity(p.of) : undefined; return !p.of || (!!e && can(e, 'read')); };

export default function SettingsPage({ page }: { page: string }) {
  const meta = useMeta();
  const here = GROUPS.flatMap((g) => g.pages).find((p) => p.key === page && may(meta, p));
  // on a phone the pages stand in one line: the open one is to be seen
  useEffect(() => { void document.querySelector('.setnav [aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'center' }); }, [page]);
  const lists = LISTS.map((n) => meta.entity(n)).filter((e) => e && can(e, 'read'));
  const link = (href: string, label: string, active: boolean) => <NavLink key={href} component={Link} href={href} label={label} active={active} aria-current={active ? 'page' : undefined} color="gray" py={4} style={{ borderRadius: 8 }} styles={{ label: { color: 'var(--mantine-color-text)' } }} />;
  return (
    <div className="settings">
      <nav aria-label={t('set.title')} className="setnav">
        {GROUPS.map((g) => {
          const some = g.pages.filter((p) => may(meta, p));
          return some.length ? <div key={g.title} className="setgroup"><div className="navtitle">{t(g.title)}</div>{some.map((p) => link(`/settings/${p.key}`, t(`set.${p.key}` as Key), p.key === page))}</div> : null;
        })}
        {lists.length > 0 && <div className="setgroup"><div className="navtitle">{t('set.group.lists')}</div>{lists.map((e) => link(address(e!), e!.label_plural, false))}</div>}
      </nav>
      <div className="setbody">{here ? <Suspense fallback={null}><here.part /></Suspense> : <Empty title={t('error.nowhere')} />}</div>
    </div>
  );
}
