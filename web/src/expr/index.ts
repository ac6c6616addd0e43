// The language without a screen: what a test holds against the server.
export { fromText, read } from './parse';
export { toText } from './tree';
