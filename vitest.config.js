/** @file Tests run on the JavaScript that tsc built, so that worker threads and tests execute the same files. */

export default {
  test: {
    include: [".build/{src,test}/**/*.test.js"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // two processes share a Spark server, which may copy a session while the other one adds a file to it
    retry: process.env.CI ? 1 : 0,
    globalSetup: "./test/spark-setup.js",
    reporters: process.env.CI ? ["default", "./test/plain-summary.js"] : ["default"],
  },
};
