// Everything that is set up once, with a sidebar of its own. Each page is loaded when it is opened.
import { useEffect, type ComponentType } from 'react';
import { t, type Key } from '../locale/t';
import { address, can, useMeta, type Meta } from '../meta/meta';
import { later } from '../ui/later';
import { Link } from '../ui/Link';
import Nowhere from '../ui/Nowhere';

interface Page { key: string; of?: string; part: ComponentType }
const GROUPS: { title: Key; pages: Page[] }[] = [
  { title: 'set.group.me', pages: [
    { key: 'appearance', part: later(() => import('./Appearance')) },
    { key: 'account', part: later(() => import('./Account')) },
    { key: 'values', part: later(() => import('./Values')) } ] },
  { title: 'set.group.people', pages: [
    { key: 'users', of: 'user', part: later(() => import('./Users')) },
    { key: 'teams', of: 'team', part: later(() => import('./Teams')) },
    { key: 'roles', of: 'grant', part: later(() => import('./Roles')) } ] },
  { title: 'set.group.data', pages: [
    { key: 'objects', of: 'object', part: later(() => import('./ObjectsPage')) },
    { key: 'choices', of: 'choice', part: later(() => import('./ChoiceLists')) },
    { key: 'layouts', of: 'layout', part: later(() => import('./Layouts')) },
    { key: 'bin', part: later(() => import('./Bin')) } ] },
  { title: 'set.group.system', pages: [
    { key: 'audit', part: later(() => import('./Audit')) },
    { key: 'health', part: later(() => import('./Health')) } ] },
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
  const link = (href: string, label: string, active: boolean) => <Link key={href} className="navlink" href={href} aria-current={active ? 'page' : undefined}><span>{label}</span></Link>;
  return (
    <div className="settings">
      <nav aria-label={t('set.title')} className="setnav">
        {GROUPS.map((g) => {
          const some = g.pages.filter((p) => may(meta, p));
          return some.length ? <div key={g.title} className="setgroup"><div className="navtitle">{t(g.title)}</div>{some.map((p) => link(`/settings/${p.key}`, t(`set.${p.key}` as Key), p.key === page))}</div> : null;
        })}
        {lists.length > 0 && <div className="setgroup"><div className="navtitle">{t('set.group.lists')}</div>{lists.map((e) => link(address(e!), e!.label_plural, false))}</div>}
      </nav>
      <div className="setbody">{here ? <here.part /> : <Nowhere />}</div>
    </div>
  );
}
