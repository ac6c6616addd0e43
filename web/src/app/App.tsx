import { Center, Loader } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Component, Fragment, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import { askFirst, begin, getSession, onSession } from '../api/client';
import { FIELDS as VIEW_FIELDS } from '../views/views';
import { useLive } from '../api/live';
import { MetaContext, useMeta, useMetaQuery } from '../meta/meta';
import { pick, setLanguage, t } from '../locale/t';
import { ErrorState } from '../ui/bits';
import { ListPage } from '../list/ListPage';
import { beginFetching, later } from '../ui/later';
import { languageOf } from '../ui/look';
import { HomePage } from './HomePage';
import { Offline, useNewer } from './Offline';
import { Shell } from './Shell';

const RecordPage = later(() => import('../record/RecordPage'), 'soon');
const ImportPage = later(() => import('../import/ImportPage'));
const DashboardPage = later(() => import('../dashboard/DashboardPage'));
const SignIn = later(() => import('./SignIn'), 'soon');
const SetUp = later(() => import('./SetUp'));
const Welcome = later(() => import('./Welcome'));
const SettingsPage = later(() => import('../settings/SettingsPage'));
const DuplicatesPage = later(() => import('../duplicates/Queue'));
const MergePage = later(() => import('../duplicates/MergePage'));
const Nowhere = later(() => import('../ui/Nowhere'));
const QualityPage = later(() => import('../quality/QualityPage'));

// at: the address; another one is tried anew
class Boundary extends Component<{ at: string; children: ReactNode }, { error: unknown }> {
  state = { error: null as unknown };
  static getDerivedStateFromError(error: unknown) { return { error }; }
  componentDidUpdate(before: { at: string }) { if (this.state.error && before.at !== this.props.at) this.setState({ error: null }); }
  render() { return this.state.error ? <ErrorState error={this.state.error} retry={() => this.setState({ error: null })} /> : this.props.children; }
}

function Entity({ plural, id, page }: { plural: string; id?: string; page: 'list' | 'record' | 'import' }) {
  const e = useMeta().plural(plural);
  if (!e || (id !== undefined && !/^\d+$/.test(id))) return <Nowhere of={e} />;
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
          <Switch>
            <Route path="/"><HomePage /></Route>
            <Route path="/setup"><HomePage /></Route>
            <Route path="/settings"><SettingsPage page="appearance" /></Route>
            <Route path="/settings/:page">{(p) => <SettingsPage page={p.page} />}</Route>
            <Route path="/welcome"><Welcome /></Route>
            <Route path="/dashboards"><DashboardPage id={0} /></Route>
            <Route path="/dashboards/:id">{(p) => (/^\d+$/.test(p.id) ? <DashboardPage id={Number(p.id)} /> : <Nowhere />)}</Route>
            <Route path="/duplicates"><DuplicatesPage /></Route>
            <Route path="/quality"><QualityPage /></Route>
            <Route path="/e/:plural/merge">{(p) => <MergePage plural={p.plural} />}</Route>
            <Route path="/e/:plural">{(p) => <Entity plural={p.plural} page="list" />}</Route>
            <Route path="/e/:plural/import">{(p) => <Entity plural={p.plural} page="import" />}</Route>
            <Route path="/e/:plural/:id">{(p) => <Entity plural={p.plural} id={p.id} page="record" />}</Route>
            <Route><Nowhere /></Route>
          </Switch>
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
  useEffect(() => { if (session.user) void setLanguage(pick(languageOf(session.user))).then((other) => { if (other) setTongue((n) => n + 1); }); }, [session.user]);
  useEffect(() => {
    if (session.state !== 'in') return;
    askFirst([['/meta', {}], ['/views', { fields: VIEW_FIELDS, limit: 200 }]]);
    void client.invalidateQueries();
    beginFetching();
  }, [session.state, client]);
  useEffect(() => {
    const f = (e: Event) => { e.preventDefault(); setUpdate(true); };
    window.addEventListener('vite:preloadError', f);
    return () => window.removeEventListener('vite:preloadError', f);
  }, []);
  if (session.state === 'unknown') return null;
  if (session.state === 'setup') return <SetUp />;
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
