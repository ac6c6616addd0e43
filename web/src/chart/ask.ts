// What is asked for a chart, and how its answer is put in order; the same for a list's chart and a tile.
import { measureLabel, measureNumber, measureWords } from '../list/measure';
import type { Group as Part, GroupBy } from '../list/groups';
import { number } from '../fields/format';
import { valueKind, type Entity } from '../meta/meta';

export const CHARTS = ['bar', 'line', 'donut', 'funnel', 'heat'] as const;
export const SHOWN = 40;

export function reader(e: Entity, measure: string) {
  const value = (g: { count: number; sum: unknown }) => measureNumber(measure ? g.sum : g.count);
  return { name: measureLabel(e, measure), value, words: (g: { count: number; sum: unknown }) => (measure ? measureWords(e, measure, g.sum) : number(g.count)) };
}
/** Days keep their order, and so do choices, which have one of their own; the rest goes by size. */
export function inOrder(by: GroupBy, kind: string, all: Part[], value: (p: Part) => number): { parts: Part[]; shown: Part[] } {
  const kept = by.unit || valueKind(by.field) === 'choice' ? all : [...all].sort((a, b) => value(b) - value(a));
  // what belongs to no stage is none of a funnel
  const parts = kind === 'funnel' ? kept.filter((p) => p.value !== null) : kept;
  return { parts, shown: by.unit ? parts.slice(-120) : parts.slice(0, SHOWN) };
}
