// A dashboard: looked at, arranged, shared. What is arranged is a draft until it is saved, and outlives leaving the page.
import { Button, Checkbox, Stack, Switch, TextInput, Title } from '@mantine/core';
import { useEffect, useState, type FormEvent } from 'react';
import { useLocation } from 'wouter';
import { Problem } from '../api/client';
import { t } from '../locale/t';
import { useMeta } from '../meta/meta';
import { Complaint, Empty, ErrorState, Loading, useTitle } from '../ui/bits';
import { draftOf, useDraft } from '../ui/drafts';
import { Drop } from '../ui/Drop';
import { later } from '../ui/later';
import { Link } from '../ui/Link';
import { say, sayError, undoable } from '../ui/undo';
import { newId, SIZE, useDashboards, useHome, useMayChange, useSaveDashboard, type Dashboard, type Tile } from './dashboards';
import Tiles from './Tiles';

const TileDialog = later(() => import('./TileDialog'));
const ShareWith = later(() => import('../views/ShareWith'));

interface Arranged { tiles: Tile[]; version: number }
const arranged = (id: number) => `dashboard ${id}`;

/** To a dashboard that was just made, with nothing in it yet. */
function useBegin() {
  const user = useMeta().raw.user.id;
  const [, go] = useLocation();
  return (d: Dashboard) => { draftOf<Arranged>(user, arranged(d.id)).write({ tiles: [], version: d.version }); go(`/dashboards/${d.id}`); };
}

export function NewDashboard({ tiles = [], name: begin = '', label, onDone }: { tiles?: Tile[]; name?: string; label: string; onDone: (d: Dashboard) => void }) {
  const save = useSaveDashboard();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState(begin);
  const [error, setError] = useState<unknown>(null);
  const submit = (ev: FormEvent) => { ev.preventDefault(); setError(null); save.create(name.trim() || t('dash.unnamed'), tiles).then((d) => { setOpen(false); onDone(d); }, setError); };
  return (
    <Drop opened={open} onClose={() => setOpen(false)} label={label} side="bottom-end" width={260} target={<Button size="xs" variant="default" onClick={() => { setName(begin); setOpen(!open); }}>{label}</Button>}><form onSubmit={submit}><Stack gap={8}><TextInput size="xs" label={t('view.name')} data-autofocus autoFocus maxLength={200} value={name} placeholder={t('dash.unnamed')} onChange={(ev) => setName(ev.currentTarget.value)} /><Complaint error={error} /><Button type="submit" size="xs">{t('save')}</Button></Stack></form>
    </Drop>
  );
}

function Options({ d, onGone }: { d: Dashboard; onGone: () => void }) {
  const save = useSaveDashboard();
  const home = useHome();
  const admin = useMeta().raw.user.admin;
  const may = useMayChange().change(d);
  const [open, setOpen] = useState(false);
  const [name, setName] = useState(d.name);
  const run = (work: Promise<unknown>) => void work.catch(sayError);
  const remove = async () => { await save.remove(d); setOpen(false); onGone(); undoable(t('dash.deleted', { name: d.name }), () => save.restore(d)); };
  return (
    <Drop opened={open} onClose={() => { setOpen(false); setName(d.name); }} label={t('view.options', { name: d.name })} side="bottom-end" width={290} target={<Button size="xs" variant="default" aria-label={t('view.options', { name: d.name })} onClick={() => setOpen(!open)}>⋯</Button>}>
        <Stack gap={10}>
          {may && <form onSubmit={(ev) => { ev.preventDefault(); if (name.trim()) run(save.change(d, { name: name.trim() })); }}><div className="row" style={{ flexWrap: 'nowrap', alignItems: 'flex-end' }}><TextInput size="xs" className="grow" label={t('view.name')} value={name} maxLength={200} onChange={(ev) => setName(ev.currentTarget.value)} /><Button size="xs" type="submit" variant="default" disabled={!name.trim() || name.trim() === d.name}>{t('view.rename')}</Button></div></form>}
          <Checkbox size="xs" label={t('dash.home')} checked={home.id === d.id} onChange={(ev) => run(home.choose(ev.currentTarget.checked ? d.id : 0))} />
          {admin && d.shared && <Button size="xs" variant="default" onClick={() => run(home.choose(d.id, true).then(() => say('dash', t('dash.home.all.done'))))}>{t('dash.home.all')}</Button>}
          {may && <Checkbox size="xs" label={t('view.pin')} checked={d.pinned} onChange={(ev) => run(save.change(d, { pinned: ev.currentTarget.checked }))} />}
          {may && <Switch size="sm" label={t('view.share.all')} checked={d.shared} onChange={(ev) => run(save.change(d, { shared: ev.currentTarget.checked }))} />}
          {d.mine && !d.shared && <ShareWith entity="dashboard" id={d.id} />}
          {may && <Button size="xs" color="red" variant="outline" onClick={() => run(remove())}>{t('dash.delete')}</Button>}
        </Stack>
    </Drop>
  );
}

function One({ d, all }: { d: Dashboard; all: Dashboard[] }) {
  const save = useSaveDashboard();
  const may = useMayChange();
  const [, go] = useLocation();
  const begin = useBegin();
  const [draft, keepDraft] = useDraft<Arranged>(arranged(d.id));
  const [edited, setEdited] = useState<{ tile: Tile; fresh: boolean } | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [told, setTold] = useState('');
  useTitle(d.name);
  const setDraft = (tiles: Tile[] | null) => {
    setError(null);
    keepDraft((old) => (tiles ? { tiles, version: old?.version ?? d.version } : undefined));
  };
  const drop = () => {
    const left = draft!;
    setDraft(null);
    if (JSON.stringify(left.tiles) !== JSON.stringify(d.tiles)) undoable(t('dash.dropped'), async () => keepDraft(() => left));
  };
  const tiles = draft?.tiles ?? d.tiles;
  async function keep() {
    setBusy(true);
    setError(null);
    try {
      const before = d.tiles;
      const now = await save.change(d, { tiles }, draft!.version);
      setDraft(null);
      undoable(t('dash.saved'), () => save.change(now, { tiles: before }));
    } catch (x) { setError(x); } finally { setBusy(false); }
  }
  // somebody else arranged it meanwhile: what was done here may go on top of theirs, if one says so
  const stale = error instanceof Problem && error.status === 412;
  const add = () => setEdited({ tile: { id: newId(), kind: 'number', ...SIZE.number }, fresh: true });
  const done = (x: Tile) => { setDraft(edited!.fresh ? [...tiles, x] : tiles.map((y) => (y.id === x.id ? x : y))); setEdited(null); };
  return (
    <div className="scrollpage dash">
      <div className="row spread">
        <Title order={1} size="h2">{d.name}</Title>
        <div className="row">
          {draft ? (
            <>
              <Button size="xs" variant="default" onClick={add} disabled={tiles.length >= 40}>{t('tile.new')}</Button>
              <Button size="xs" variant="default" onClick={drop}>{t('cancel')}</Button>
              <Button size="xs" loading={busy} onClick={() => void keep()}>{t('save')}</Button>
            </>
          ) : (
            <>
              {may.change(d) && <Button size="xs" variant="default" onClick={() => setDraft(d.tiles)}>{t('dash.arrange')}</Button>}
              {may.create && <NewDashboard tiles={d.tiles} name={t('dash.copyof', { name: d.name })} label={t('dash.copy')} onDone={(n) => go(`/dashboards/${n.id}`)} />}
              {may.create && <NewDashboard label={t('dash.new')} onDone={begin} />}
              <Options key={d.id} d={d} onGone={() => go('/dashboards')} />
            </>
          )}
        </div>
      </div>
      {all.length > 1 && !draft && <nav aria-label={t('dash.title')} className="tabs dashtabs">{all.map((x) => <Link key={x.id} href={`/dashboards/${x.id}`} className={x === d ? 'tab here' : 'tab'} aria-current={x === d ? 'page' : undefined}>{x.name}</Link>)}</nav>}
      {draft && <p className="dim">{t('dash.how')}</p>}
      <Complaint error={stale ? null : error} />
      {stale && <div className="denied" role="alert">{t('dash.stale')} <Button size="compact-sm" variant="default" onClick={() => { keepDraft(() => ({ tiles, version: d.version })); setError(null); }}>{t('dash.mine')}</Button> <Button size="compact-sm" variant="default" onClick={() => setDraft(null)}>{t('dash.theirs')}</Button></div>}
      <div className="hide" role="status">{told}</div>
      {tiles.length === 0 ? <Empty title={t('dash.empty')}>{may.change(d) && <Button onClick={() => { if (!draft) setDraft([]); add(); }}>{t('tile.new')}</Button>}</Empty>
        : <Tiles tiles={tiles} arrange={draft ? { onChange: setDraft, onEdit: (tile) => setEdited({ tile, fresh: false }), say: setTold } : undefined} />}
      {edited && <TileDialog tile={edited.tile} fresh={edited.fresh} onDone={done} onClose={() => setEdited(null)} />}
    </div>
  );
}

export default function DashboardPage({ id }: { id: number }) {
  const all = useDashboards();
  const may = useMayChange();
  const begin = useBegin();
  const [, go] = useLocation();
  const d = all.data?.find((x) => x.id === id) ?? (id ? undefined : all.data?.[0]);
  const first = !id && d?.id;
  useEffect(() => { if (first) go(`/dashboards/${first}`, { replace: true }); }, [first, go]);
  useTitle(t('dash.title'));
  if (all.error) return <ErrorState error={all.error} retry={() => void all.refetch()} />;
  if (!all.data) return <div className="scrollpage"><Loading height={240} /></div>;
  if (d) return <One key={d.id} d={d} all={all.data} />;
  return <div className="scrollpage"><Title order={1} size="h2">{t('dash.title')}</Title><Empty title={id ? t('dash.gone') : t('dash.none')}>{may.create && <NewDashboard label={t('dash.new')} onDone={begin} />}</Empty></div>;
}
