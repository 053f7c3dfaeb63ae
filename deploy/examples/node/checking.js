// Says what is looked at, and ends with exit code 1 where something is not as promised.

export function heading(text) {
  console.log(`\n${text}`);
}

export function expect(holds, otherwise) {
  if (holds) return;
  console.error(`NOT AS EXPECTED: ${otherwise}`);
  process.exit(1);
}
