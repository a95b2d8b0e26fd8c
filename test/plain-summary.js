/** @file A Vitest reporter whose last line is `N passed, N failed, N skipped`, for machines that read logs. */

export default class PlainSummary {
  onTestRunEnd(modules, errors) {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const test of module.children.allTests()) count[test.result().state]++;
    }
    const failed = count.failed + count.pending;
    process.on("exit", () => console.log(`${count.passed} passed, ${failed} failed, ${count.skipped} skipped`));
  }
}
