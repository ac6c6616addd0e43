// The way of a file into records: chosen, read, mapped, checked, run, undone. Its number stands in the address.
import { Button, Progress, Skeleton, Stack, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type DragEvent } from 'react';
import { useLocation, useSearch } from 'wouter';
import { call, get } from '../api/client';
import { number } from '../fields/format';
import { t } from '../locale/t';
import { address, type Entity } from '../meta/meta';
import { Complaint, ErrorState, useTitle } from '../ui/bits';
import { Link } from '../ui/Link';
import { Earlier } from './Earlier';
import { Mapping } from './Mapping';
import { begin, BUSY, type Import } from './plan';
import { Result } from './Result';

function Upload({ entity: e, error, busy, onFile }: { entity: Entity; error: unknown; busy: boolean; onFile: (f: File) => void }) {
  return (
    <>
      <div className="drop">
        <div>{t('import.drop')}</div>
        <label className="filebutton">
          <input type="file" accept=".csv,.tsv,.txt,.xlsx,.vcf,.jsonl,.ndjson" disabled={busy} aria-label={t('import.choose')} onChange={(ev) => { const f = ev.currentTarget.files?.[0]; ev.currentTarget.value = ''; if (f) onFile(f); }} />
          <span aria-hidden>{busy ? t('import.sending') : t('import.choose')}</span>
        </label>
        <small className="dim">{t('import.formats')}</small>
      </div>
      <Complaint error={error} />
      <Earlier entity={e} />
    </>
  );
}

function Running({ i, onChange }: { i: Import; onChange: () => void }) {
  const [error, setError] = useState<unknown>(null);
  const act = (what: string) => { setError(null); call('POST', `/imports/${i.id}/${what}`, {}).then(onChange, setError); };
  const part = i.rows ? ((i.position ?? 0) / i.rows) * 100 : 0;
  const paused = i.state === 'paused';
  return (
    <Stack gap="sm" maw={620}>
      <div role="status">{i.state === 'reading' ? t('import.reading') : i.state === 'checking' ? t('import.checking') : paused ? t('import.paused', { n: number(i.position ?? 0), all: number(i.rows ?? 0) }) : t('import.running', { n: number(i.position ?? 0), all: number(i.rows ?? 0) })}</div>
      <Progress value={i.state === 'reading' ? 100 : part} animated={!paused} aria-label={t('import.progress')} />
      <div className="row">
        {i.state === 'running' && <Button variant="default" onClick={() => act('pause')}>{t('import.pause')}</Button>}
        {paused && <Button onClick={() => act('start')}>{t('import.resume')}</Button>}
        <Button variant="default" onClick={() => act('cancel')}>{t('cancel')}</Button>
      </div>
      <Complaint error={error} />
    </Stack>
  );
}

function One({ entity: e, id }: { entity: Entity; id: number }) {
  const client = useQueryClient();
  const q = useQuery({
    queryKey: ['import', id], queryFn: ({ signal }) => get<Import>(`/imports/${id}`, {}, signal),
    refetchInterval: (x) => (x.state.data && BUSY.has(x.state.data.state) ? 300 : false),
  });
  const i = q.data;
  const over = i?.state === 'done';
  useEffect(() => { if (over) for (const kind of ['list', 'count', 'related']) void client.invalidateQueries({ queryKey: [kind, e.name] }); }, [over, client, e.name]);
  if (q.error && !i) return <ErrorState error={q.error} retry={() => void q.refetch()} />;
  if (!i) return <Stack aria-busy aria-label={t('loading')}>{[1, 2, 3, 4].map((n) => <Skeleton key={n} height={34} />)}</Stack>;
  const again = () => void q.refetch();
  if (BUSY.has(i.state) || i.state === 'paused') return <Running i={i} onChange={again} />;
  if (i.state === 'ready') return <Mapping key={i.id} entity={e} i={i} onStarted={again} />;
  return <Result entity={e} i={i} />;
}

export default function ImportPage({ entity: e }: { entity: Entity }) {
  const id = Number(new URLSearchParams(useSearch()).get('id')) || 0;
  const [, go] = useLocation();
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useTitle(t('import.title', { label: e.label_plural }));
  const take = (f: File) => {
    setBusy(true);
    setError(null);
    begin(e, f).then((n) => go(`${address(e)}/import?id=${n}`), setError).finally(() => setBusy(false));
  };
  const drag = {
    onDragOver: (ev: DragEvent) => { if (!id && ev.dataTransfer.types.includes('Files')) { ev.preventDefault(); setOver(true); } },
    onDragLeave: () => setOver(false),
    onDrop: (ev: DragEvent) => { const f = ev.dataTransfer.files[0]; if (!id && f) { ev.preventDefault(); setOver(false); take(f); } },
  };
  return (
    <div className={over ? 'scrollpage dropping' : 'scrollpage'} {...drag}>
      <Link className="reflink" href={address(e)}>{e.label_plural}</Link>
      <Title order={1} size="h2" mb="md">{t('import.title', { label: e.label_plural })}</Title>
      {id ? <One key={id} entity={e} id={id} /> : <Upload entity={e} error={error} busy={busy} onFile={take} />}
    </div>
  );
}
