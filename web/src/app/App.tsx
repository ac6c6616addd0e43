import { Center, Loader } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Component, Fragment, lazy, Suspense, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import { ask, begin, getSession, onSession } from '../api/client';
import { FIELDS as VIEW_FIELDS } from '../views/views';
import { useLive } from '../api/live';
import { MetaContext, useMeta, useMetaQuery } from '../meta/meta';
import { pick, setLanguage, t } from '../locale/t';
import { Empty, ErrorState } from '../ui/bits';
import { chosenLanguage } from '../ui/look';
import { HomePage } from './HomePage';
import { Offline, useNewer } from './Offline';
import { Shell } from './Shell';
import { SignIn } from './SignIn';

const list = () => import('../list/ListPage').then((m) => ({ default: m.ListPage }));
const ListPage = lazy(list);
// nearly everything goes through a list: fetched beside the first page, or with it
if (location.pathname.startsWith('/e/')) void list(); else setTimeout(() => void list().catch(() => {}), 1500);
const record = () => import('../record/RecordPage');
const RecordPage = lazy(record);
// and from a list to a record: there before the first click
setTimeout(() => void record().catch(() => {}), 3000);
ask('/meta');
ask('/views', { fields: VIEW_FIELDS, limit: 200 });
const ImportPage = lazy(() => import('../import/ImportPage'));
const DashboardPage = lazy(() => import('../dashboard/DashboardPage'));
const SetUp = lazy(() => import('./SetUp'));
const Welcome = lazy(() => import('./Welcome'));
const SettingsPage = lazy(() => import('../settings/SettingsPage'));
const DuplicatesPage = lazy(() => import('../duplicates/Queue'));
const MergePage = lazy(() => import('../duplicates/MergePage'));
const QualityPage = lazy(() => import('../quality/QualityPage'));

// at: the address; another one is tried anew
class Boundary extends Component<{ at: string; children: ReactNode }, { error: unknown }> {
  state = { error: null as unknown };
  static getDerivedStateFromError(error: unknown) { return { error }; }
  componentDidUpdate(before: { at: string }) { if (this.state.error && before.at !== this.props.at) this.setState({ error: null }); }
  render() { return this.state.error ? <ErrorState error={this.state.error} retry={() => this.setState({ error: null })} /> : this.props.children; }
}

function Entity({ plural, id, page }: { plural: string; id?: string; page: 'list' | 'record' | 'import' }) {
  const e = useMeta().plural(plural);
  if (!e || (id !== undefined && !/^\d+$/.test(id))) return <Empty title={t('error.nowhere')} />;
  if (page === 'record') return <RecordPage key={e.name + id} entity={e} id={Number(id)} />;
  return page === 'import' ? <ImportPage key={e.name} entity={e} /> : <ListPage key={e.name} entity={e} />;
}

function Inside() {
  const client = useQueryClient();
  const meta = useMetaQuery(true);
  const [where] = useLocation();
  useLive(client, meta.data);
  if (meta.error && !meta.data) return <ErrorState error={meta.error} retry={() => void meta.refetch()} />;
  if (!meta.data) return <Center h="100dvh"><Loader aria-label={t('loading')} /></Center>;
  return (
    <MetaContext value={meta.data}>
      <Shell>
        <Boundary at={where}>
          <Suspense fallback={null}>
            <Switch>
              <Route path="/"><HomePage /></Route>
              <Route path="/setup"><HomePage /></Route>
              <Route path="/settings"><SettingsPage page="appearance" /></Route>
              <Route path="/settings/:page">{(p) => <SettingsPage page={p.page} />}</Route>
              <Route path="/welcome"><Welcome /></Route>
              <Route path="/dashboards"><DashboardPage id={0} /></Route>
              <Route path="/dashboards/:id">{(p) => (/^\d+$/.test(p.id) ? <DashboardPage id={Number(p.id)} /> : <Empty title={t('error.nowhere')} />)}</Route>
              <Route path="/duplicates"><DuplicatesPage /></Route>
              <Route path="/quality"><QualityPage /></Route>
              <Route path="/e/:plural/merge">{(p) => <MergePage plural={p.plural} />}</Route>
              <Route path="/e/:plural">{(p) => <Entity plural={p.plural} page="list" />}</Route>
              <Route path="/e/:plural/import">{(p) => <Entity plural={p.plural} page="import" />}</Route>
              <Route path="/e/:plural/:id">{(p) => <Entity plural={p.plural} id={p.id} page="record" />}</Route>
              <Route><Empty title={t('error.nowhere')} /></Route>
            </Switch>
          </Suspense>
        </Boundary>
      </Shell>
    </MetaContext>
  );
}

export function App() {
  const session = useSyncExternalStore(onSession, getSession);
  const client = useQueryClient();
  const [broken, setUpdate] = useState(false);
  const update = useNewer() || broken;
  useEffect(() => void begin(), []);
  const [tongue, setTongue] = useState(0);
  // drawn anew as a whole: texts are read while drawing
  useEffect(() => { if (session.user) void setLanguage(pick(chosenLanguage(), session.user.language)).then((other) => { if (other) setTongue((n) => n + 1); }); }, [session.user]);
  useEffect(() => { if (session.state === 'in') void client.invalidateQueries(); }, [session.state, client]);
  useEffect(() => {
    const f = (e: Event) => { e.preventDefault(); setUpdate(true); };
    window.addEventListener('vite:preloadError', f);
    return () => window.removeEventListener('vite:preloadError', f);
  }, []);
  if (session.state === 'unknown') return null;
  if (session.state === 'setup') return <Suspense fallback={null}><SetUp /></Suspense>;
  if (session.state === 'out') return <SignIn />;
  return (
    <Fragment key={tongue}>
      <Offline />
      {update && <div role="alert" className="bar">{t('update.ready')} <a href={location.href}>{t('update.reload')}</a></div>}
      {/* when a session ends, the page stays below with what was typed into it */}
      <div inert={session.state === 'lost'}><Inside /></div>
      {session.state === 'lost' && <div style={{ position: 'fixed', inset: 0, zIndex: 1000 }}><SignIn again /></div>}
    </Fragment>
  );
}
