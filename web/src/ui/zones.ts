/** Time zones that the browser knows, and those named. */
export const zones = (...more: string[]) => [...new Set([...more, 'UTC', ...Intl.supportedValuesOf('timeZone')])].sort();
