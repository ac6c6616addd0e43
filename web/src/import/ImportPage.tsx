import { Button, Group, Progress, Select, Stack, Table, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type ChangeEvent } from 'react';
import { Link } from 'wouter';
import { call } from '../api/client';
import { number } from '../fields/format';
import { t } from '../locale/t';
import { address, type Entity } from '../meta/meta';
import { Complaint, useTitle } from '../ui/bits';
import { decode, parse, write } from './csv';

interface Answer { change_set: number; created: number; updated: number; columns: { column: string; field: string | null }[]; rejected: { row: number; errors: { field: string; message: string }[] }[] }
interface Result { changeSet: number; created: number; updated: number; done: number; columns: Answer['columns']; rejected: { row: number; why: string }[]; finished: boolean; undone?: boolean }
const CHUNK = 500;

export default function ImportPage({ entity: e }: { entity: Entity }) {
  const client = useQueryClient();
  const [file, setFile] = useState<{ name: string; header: string[]; rows: string[][] } | null>(null);
  const [key, setKey] = useState<string | null>('');
  const [result, setResult] = useState<Result | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const stopped = useRef(false);
  useTitle(t('import.title', { label: e.label_plural }));
  const keys = e.fields.filter((f) => f.name === 'external_id' || (f.name === 'email' && e.fields.some((l) => l.kind === 'emails')));

  async function choose(ev: ChangeEvent<HTMLInputElement>) {
    const f = ev.currentTarget.files?.[0];
    if (!f) return;
    const rows = parse(decode(new Uint8Array(await f.arrayBuffer())));
    setResult(null);
    setError(rows.length < 2 ? new Error(t('import.nothing')) : null);
    setFile(rows.length < 2 ? null : { name: f.name, header: rows[0]!, rows: rows.slice(1) });
  }
  async function run() {
    if (!file) return;
    stopped.current = false;
    setBusy(true);
    setError(null);
    let r: Result = { changeSet: 0, created: 0, updated: 0, done: 0, columns: [], rejected: [], finished: false };
    setResult(r);
    try {
      for (let at = 0; at < file.rows.length && !stopped.current; at += CHUNK) {
        const rows = file.rows.slice(at, at + CHUNK);
        const { data } = await call<Answer>('POST', `/${e.plural}/import`, { columns: file.header, rows, first_row: at, ...(key && { key }), ...(r.changeSet && { change_set: r.changeSet }) });
        const label = (name: string) => e.fields.find((f) => f.name === name.replace(/[[.].*$/, ''))?.label ?? name;
        r = { ...r, changeSet: data.change_set, created: r.created + data.created, updated: r.updated + data.updated, done: at + rows.length, columns: data.columns,
          rejected: [...r.rejected, ...data.rejected.map((x) => ({ row: x.row, why: x.errors.map((y) => `${label(y.field)}: ${y.message}`).join('; ') }))] };
        setResult(r);
      }
      setResult({ ...r, finished: true });
    } catch (x) {
      setError(x);
    } finally {
      setBusy(false);
      void client.invalidateQueries({ queryKey: ['list', e.name] });
      void client.invalidateQueries({ queryKey: ['count', e.name] });
    }
  }
  function save() {
    if (!file || !result) return;
    const rows = [[...file.header, 'why'], ...result.rejected.map((x) => [...file.header.map((_, i) => file.rows[x.row]?.[i] ?? ''), x.why])];
    const a = document.createElement('a');
    a.href = URL.createObjectURL(new Blob([write(rows)], { type: 'text/csv' }));
    a.download = file.name.replace(/\.[^.]*$/, '') + '.rejects.csv';
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
  }
  async function undo() {
    setError(null);
    try {
      await call('POST', '/undo', { change_set: result!.changeSet });
      setResult({ ...result!, undone: true });
      void client.invalidateQueries({ queryKey: ['list', e.name] });
    } catch (x) { setError(x); }
  }
  const over = result?.columns.filter((c) => !c.field).map((c) => c.column) ?? [];
  return (
    <div className="scrollpage">
      <Link className="reflink" href={address(e)}>{e.label_plural}</Link>
      <Title order={1} size="h2" mb="xs">{t('import.title', { label: e.label_plural })}</Title>
      <Stack gap="md">
        <div>{t('import.help')}</div>
        <div><label htmlFor="csv" style={{ fontWeight: 600, display: 'block', marginBottom: 6 }}>{t('import.file')}</label><input id="csv" type="file" accept=".csv,.tsv,.txt,text/csv" disabled={busy} onChange={(ev) => void choose(ev)} /></div>
        {file && (
          <>
            <div>{t('import.rows', { n: number(file.rows.length), name: file.name })}</div>
            <div className="scrollx" tabIndex={0} role="region" aria-label={t('import.preview')}>
              <Table withTableBorder verticalSpacing={5} style={{ width: 'max-content' }}>
                <Table.Thead><Table.Tr>{file.header.map((h, i) => <Table.Th key={i}>{h}</Table.Th>)}</Table.Tr></Table.Thead>
                <Table.Tbody>{file.rows.slice(0, 5).map((r, i) => <Table.Tr key={i}>{file.header.map((_, k) => <Table.Td key={k}>{r[k] ?? ''}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
              </Table>
            </div>
            {keys.length > 0 && <Select maw={420} label={t('import.key')} allowDeselect={false} disabled={busy} data={[{ value: '', label: t('import.key.none') }, ...keys.map((f) => ({ value: f.name, label: t('import.key.by', { label: f.label }) }))]} value={key} onChange={setKey} />}
            <Group><Button loading={busy} disabled={result?.finished} onClick={() => void run()}>{t('import.go', { n: number(file.rows.length) })}</Button>{busy && <Button variant="default" onClick={() => { stopped.current = true; }}>{t('import.stop')}</Button>}</Group>
          </>
        )}
        {result && file && <Progress value={(result.done / file.rows.length) * 100} aria-label={t('import.progress')} />}
        <Complaint error={error} />
        {result && (
          <div role="status">
            {result.undone ? t('import.undone') : t('import.result', { created: number(result.created), updated: number(result.updated), rejected: number(result.rejected.length) })}
            {over.length > 0 && <div>{t('import.over', { columns: over.join(', ') })}</div>}
          </div>
        )}
        {result?.finished && !result.undone && <Group><Button component={Link} href={address(e)} variant="default">{t('import.show', { label: e.label_plural })}</Button>{result.created + result.updated > 0 && <Button variant="default" onClick={() => void undo()}>{t('import.undo')}</Button>}</Group>}
        {result && result.rejected.length > 0 && (
          <section aria-label={t('import.rejected')}>
            <Group justify="space-between" mb={6}><Title order={2} size="h5">{t('import.rejected')}</Title><Button size="xs" variant="default" onClick={save}>{t('import.save')}</Button></Group>
            <div className="scrollx" tabIndex={0} role="region" aria-label={t('import.rejected')}>
              <Table verticalSpacing={5}>
                <Table.Thead><Table.Tr><Table.Th>{t('import.row')}</Table.Th><Table.Th>{t('import.why')}</Table.Th><Table.Th>{t('import.values')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>{result.rejected.slice(0, 100).map((x) => <Table.Tr key={x.row}><Table.Td>{x.row + 2}</Table.Td><Table.Td>{x.why}</Table.Td><Table.Td>{file?.rows[x.row]?.join(' | ')}</Table.Td></Table.Tr>)}</Table.Tbody>
              </Table>
            </div>
          </section>
        )}
      </Stack>
    </div>
  );
}
