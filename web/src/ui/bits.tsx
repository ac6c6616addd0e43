import { Alert, Button, Skeleton, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import { Problem } from '../api/client';
import { t } from '../locale/t';

const COLOURS = ['indigo', 'teal', 'orange', 'grape', 'cyan', 'pink', 'lime', 'violet', 'blue', 'green', 'yellow', 'red'];
const KNOWN = new Set([...COLOURS, 'gray']);
export const colourOf = (text: string) => {
  let h = 7;
  for (let i = 0; i < text.length; i++) h = (h * 31 + text.charCodeAt(i)) >>> 0;
  return COLOURS[h % COLOURS.length]!;
};
export const isColour = (name: string) => KNOWN.has(name);
export const colourVar = (name: string) => (isColour(name) ? `var(--mantine-color-${name}-5)` : 'var(--mantine-color-gray-5)');

export function Letter({ text, of, big }: { text: string; of?: string; big?: boolean }) {
  return <span aria-hidden className={big ? 'letter big' : 'letter'} style={{ '--c': colourVar(colourOf(of ?? text)) } as React.CSSProperties}>{[...(text || '?')][0]!.toUpperCase()}</span>;
}
export function Chip({ label, colour, plain }: { label: string; colour?: string; plain?: boolean }) {
  return <span className={plain ? 'chip plain' : 'chip'} style={colour ? ({ '--c': colourVar(colour) } as React.CSSProperties) : undefined}><span>{label}</span></span>;
}
export function useTitle(title: string) {
  useEffect(() => { document.title = title ? `${title} · Kith` : 'Kith'; }, [title]);
}
export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  const p = error instanceof Problem ? error : null;
  return (
    <div className="centre" role="alert">
      <Title order={2} size="h4">{p?.status === 404 ? t('error.missing') : t('error.title')}</Title>
      <div>{error instanceof Error ? error.message : String(error)}</div>
      {p?.request && <small>{t('error.request', { id: p.request })}</small>}
      {retry && <Button variant="default" onClick={retry}>{t('error.retry')}</Button>}
    </div>
  );
}
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return <div className="centre"><div>{title}</div>{children}</div>;
}
/** The place of what is still coming, told to those who do not see it. */
export function Loading({ height, mt }: { height: number; mt?: string }) {
  return <div role="status" aria-busy aria-label={t('loading')}><Skeleton height={height} mt={mt} /></div>;
}
export function Complaint({ error }: { error: unknown }) {
  if (!error) return null;
  return <Alert color="red" variant="outline" role="alert" styles={{ message: { color: 'var(--mantine-color-error)' } }}>{error instanceof Error ? error.message : String(error)}</Alert>;
}
