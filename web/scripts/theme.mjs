// The variables of our theme as a style sheet, made at build time: what differs from Mantine's own, which is imported as
// a file. Made in the browser they would cost a phone a tenth of a second before the first drawing.
import { convertCssVariables, DEFAULT_THEME, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core';

const ID = 'virtual:theme.css';

const differing = (ours, before) => Object.fromEntries(Object.entries(ours).filter(([k, v]) => before[k] !== v));

export function themePlugin(given, more) {
  const theme = mergeMantineTheme(DEFAULT_THEME, given);
  const ours = defaultCssVariablesResolver(theme), extra = more(theme), before = defaultCssVariablesResolver(DEFAULT_THEME);
  const sheet = Object.fromEntries(Object.keys(ours).map((part) => [part, { ...differing(ours[part], before[part]), ...extra[part] }]));
  return { name: 'theme', resolveId: (id) => (id === ID ? '\0' + ID : null), load: (id) => (id === '\0' + ID ? convertCssVariables(sheet) : null) };
}
