import { Button, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import { ago, number } from '../fields/format';
import { t } from '../locale/t';
import { address, can, titleOf, useMeta, type Entity, type Rec } from '../meta/meta';
import { useDashboards, useHome } from '../dashboard/dashboards';
import { Letter, Loading, useTitle } from '../ui/bits';
import { Menu } from '../ui/Drop';
import { later } from '../ui/later';
import { Link } from '../ui/Link';

const Tiles = later(() => import('../dashboard/Tiles'), 'soon');
const RecentImports = later(() => import('../import/Earlier'), 'soon');

export function useCount(e: Entity, where: string | undefined, on = true) {
  return useQuery({ queryKey: ['count', e.name, where ?? ''], enabled: on, staleTime: 30_000, retry: false, queryFn: async ({ signal }) => Number((await get<{ rows: Record<string, number>[] }>(`/${e.plural}/aggregate`, { measure: 'count()', where }, signal)).rows[0]?.['count()'] ?? 0) });
}

function Tile({ e }: { e: Entity }) {
  const n = useCount(e, undefined);
  return <Link className="tile" href={address(e)}><Letter big text={e.label} of={e.name} /><span><b className="num">{n.data === undefined ? '–' : number(n.data)}</b>{e.label_plural}</span></Link>;
}

function Newest({ e }: { e: Entity }) {
  const r = useQuery({ queryKey: ['related', e.name, 'newest'], queryFn: ({ signal }) => get<{ items: Rec[] }>(`/${e.plural}`, { limit: 6, sort: '-created_at', fields: ['id', 'created_at', e.title].filter(Boolean).join(',') }, signal) });
  return (
    <section aria-label={t('home.newest', { label: e.label_plural })}>
      <Title order={2} size="h5" mb={6}>{t('home.newest', { label: e.label_plural })}</Title>
      {r.isPending ? <Loading height={150} /> : (
        <ul className="plainlist">
          {(r.data?.items ?? []).map((x) => <li key={x.id}><Link className="rowlink grow" href={address(e, x.id)} style={{ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>{titleOf(e, x)}</Link><span className="when" style={{ color: 'var(--mantine-color-dimmed)', whiteSpace: 'nowrap' }}>{ago(x.created_at)}</span></li>)}
          {r.data?.items.length === 0 && <li>{t('home.nothing')}</li>}
        </ul>
      )}
    </section>
  );
}

/** The way to the pairs that wait, where there are any. */
function OpenPairs() {
  const e = useMeta().entity('duplicate');
  const n = useCount(e ?? NONE, "state = 'open'", !!e);
  return n.data ? <p style={{ margin: '12px 0 0' }}><Link className="reflink" href="/duplicates">{t('dup.open', { n: number(n.data) })}</Link></p> : null;
}
/** While there is nobody yet: what to begin with. */
function Begin() {
  const meta = useMeta();
  const e = meta.nav().main.find((x) => x.person);
  const n = useCount(e ?? NONE, undefined, !!e && meta.raw.user.admin);
  return n.data === 0 ? <p><Link className="reflink" href="/welcome">{t('welcome.begin')}</Link></p> : null;
}
const NONE = { name: '', plural: '' } as Entity;

export function HomePage() {
  const meta = useMeta();
  const takes = meta.nav().all.filter((e) => can(e, 'import') && can(e, 'create'));
  useTitle(t('home.title'));
  return (
    <div className="scrollpage">
      <div className="row spread">
        <Title order={1} size="h2">{t('home.hello', { name: meta.raw.user.name })}</Title>
        {takes.length > 0 && (
          <Menu target={<Button size="xs" variant="default">{t('home.import')}</Button>} lines={takes.map((e) => ({ label: e.label_plural, href: address(e) + '/import' }))} />
        )}
      </div>
      <OpenPairs />
      <Begin />
      <Body />
      <RecentImports />
    </div>
  );
}

/** The dashboard that was chosen, where there is one and it may still be seen; else what there is most of. */
function Body() {
  const { main, own, all: places } = useMeta().nav();
  const activities = places.filter((e) => e.activity);
  const home = useHome(), all = useDashboards();
  if (!home.ready || (home.id && all.isPending && all.fetchStatus !== 'idle')) return <Loading height={240} mt="md" />;
  const d = home.id ? all.data?.find((x) => x.id === home.id) : undefined;
  if (d) return <section aria-label={d.name} className="homedash"><Tiles tiles={d.tiles} waiting={<Loading height={240} />} /><Link className="reflink" href={`/dashboards/${d.id}`}>{t('home.dashboard', { name: d.name })}</Link></section>;
  return (
    <>
      <div className="tiles">{[...main.slice(0, 3), ...activities, ...own].map((e) => <Tile key={e.name} e={e} />)}</div>
      <div className="columns2">{[...main.slice(0, 2), ...activities.slice(0, 2)].map((e) => <Newest key={e.name} e={e} />)}</div>
    </>
  );
}
