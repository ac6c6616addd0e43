// One picture of groups: bars, a line, a ring, a funnel. Every part leads to the records behind it, by the pointer and, in the
// legend, by the keyboard. Serves the chart of a list and the tiles of a dashboard.
import { BarChart, DonutChart, LineChart } from '@mantine/charts';
import '@mantine/charts/styles.css';
import { useLayoutEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useChoice } from '../fields/Display';
import { number, shortNumber } from '../fields/format';
import type { Group as Part, GroupBy } from '../list/groups';
import { t } from '../locale/t';
import { useMeta } from '../meta/meta';
import { isColour } from '../ui/bits';
import { Link } from '../ui/Link';

const PALETTE = ['indigo', 'teal', 'orange', 'grape', 'cyan', 'pink', 'lime', 'violet', 'blue', 'yellow', 'red', 'green'];
const css = (name: string) => `var(--mantine-color-${name}-6)`;

export interface DrawingProps {
  kind: string; label: string; name: string; parts: Part[]; height: number; by: GroupBy;
  value: (p: Part) => number; words: (p: Part) => string; href: (p: Part) => string;
  /** in a tile the legend is not shown below bars and lines: their axis says the same */
  slim?: boolean;
}

/** A choice has the colour that it has everywhere; what has none takes those that no choice has. */
function useColours({ by, parts, kind }: DrawingProps): string[] {
  const all = useMeta().choices(by.field);
  const shown = useChoice(by.field);
  const own = parts.map((p) => {
    if (p.value === null) return 'gray';
    const set = all.find((c) => c.code === p.code)?.colour || (all.length ? shown(String(p.value)).colour.replace('gray', '') : '');
    return isColour(set) ? set : '';
  });
  const free = PALETTE.filter((c) => !own.includes(c));
  const rest = free.length ? free : PALETTE;
  let next = 0;
  return own.map((c) => c || (by.unit && kind === 'bar' ? 'indigo' : rest[next++ % rest.length]!));
}

function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const el = box.current!;
    const look = () => setWidth(el.clientWidth);
    const watch = new ResizeObserver(look);
    watch.observe(el);
    look();
    return () => watch.disconnect();
  }, []);
  return { box, width };
}

/** The axis below bars: names stand slanted where they would not fit side by side, so that none is left out. */
function nameAxis(parts: Part[], by: GroupBy, width: number) {
  const room = (width - 60) / Math.max(1, parts.length);
  if (by.unit || room < 16 || parts.every((p) => p.label.length * 7 < room)) return {};
  const short = (s: string) => (s.length > 15 ? s.slice(0, 14) + '…' : s);
  return { angle: -40, textAnchor: 'end' as const, interval: 0 as const, height: 78, tickFormatter: short };
}

/** How many stand at each stage, and their share of all. */
function Funnel({ label, parts, value, words, href, colours }: DrawingProps & { colours: string[] }) {
  const most = Math.max(1, ...parts.map(value));
  const all = parts.reduce((sum, p) => sum + value(p), 0);
  const share = (a: number) => (all > 0 ? `${number(Math.round((100 * a) / all))} %` : '');
  return (
    <ol className="funnel" aria-label={label} data-chart="funnel">
      {parts.map((p, i) => (
        <li key={p.key}>
          <Link className="reflink funnelname cut" href={href(p)}>{p.label}</Link>
          <span className="funnelbar"><span style={{ width: `${Math.max(1, (100 * value(p)) / most)}%`, background: css(colours[i]!) }} /></span>
          <span className="num funnelnumber">{words(p)}<small className="dim" title={t('chart.ofall')}> {share(value(p))}</small></span>
        </li>
      ))}
    </ol>
  );
}

export default function Drawing(props: DrawingProps) {
  const { kind, label, name, parts, height, by, value, words, href, slim } = props;
  const [, go] = useLocation();
  const colours = useColours(props);
  const { box, width } = useWidth();
  const data = parts.map((p, i) => ({ name: p.label, [name]: value(p), value: value(p), color: `${colours[i]!}.6`, i }));
  const picked = (p: any) => { const part = parts[p?.payload?.i ?? p?.i]; if (part) go(href(part)); };
  const format = (n: number) => number(n, 2);
  const beside = !!slim && width >= 340;
  const lines = beside ? 0 : Math.ceil(parts.length / (width < 260 ? 1.6 : 2.5));
  const size = slim ? Math.min(190, Math.max(100, height - 12 - 26 * lines)) : Math.min(300, height - 10, Math.max(120, width - 20));
  const common = {
    h: height, data, dataKey: 'name', series: [{ name, color: 'indigo.6' }], valueFormatter: format,
    yAxisProps: { allowDecimals: !parts.every((p) => Number.isInteger(value(p))), tickFormatter: (n: number) => shortNumber(n) },
  };
  const margin = { top: 8, right: 16, left: 0, bottom: 0 };
  const line = { isAnimationActive: false, activeDot: { onClick: (_: unknown, p: unknown) => picked(p), style: { cursor: 'pointer' } } } as object;
  return (
    <div ref={box} className={slim && kind === 'donut' ? `drawing ${beside ? 'beside' : 'below'}` : 'drawing'}>
      {kind === 'funnel' ? <Funnel {...props} colours={colours} /> : (
        <>
          <figure className="chart" aria-label={label} data-chart={kind}>
            {width === 0 ? null
              : kind === 'donut' ? <DonutChart data={data} size={size} thickness={Math.round(size / 5.4)} withTooltip tooltipDataSource="segment" valueFormatter={format} pieProps={{ isAnimationActive: false, onClick: picked, style: { cursor: 'pointer' } }} />
                : kind === 'line' ? <LineChart {...common} lineChartProps={{ margin }} curveType="linear" lineProps={line} />
                  : <BarChart {...common} barChartProps={{ margin }} xAxisProps={nameAxis(parts, by, width)} barProps={{ isAnimationActive: false, onClick: picked, style: { cursor: 'pointer' } }} />}
          </figure>
          <ul className={slim && kind !== 'donut' ? 'legend hide' : 'legend'} aria-label={name}>{parts.map((p, i) => <li key={p.key}>{kind === 'donut' && <span aria-hidden className="dot" style={{ background: css(colours[i]!) }} />}<Link className="reflink" href={href(p)}>{p.label}</Link> <span className="num dim">{words(p)}</span></li>)}</ul>
        </>
      )}
    </div>
  );
}
