import { availableParallelism, loadavg } from "node:os";
import { describeMachine, type MachineDescription, type Runtime } from "@ocrslim/runtime";

/** What the figures of one run depend on. */
export interface Machine extends MachineDescription {
  readonly node: string;
  readonly platform: string;
}

/** Describes where and with what the benchmarks run. */
export function describeBenchMachine(runtime: Runtime): Machine {
  return {
    ...describeMachine(runtime),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

/** A warning if the machine has been busier than one process per core; times are not to be trusted. */
export function findLoadWarning(
  load: number = loadavg()[0] ?? 0,
  cores: number = availableParallelism(),
): string | undefined {
  if (load <= cores) return undefined;
  return `the load is ${load.toFixed(1)} on ${cores} cores: times will be too long, ratios noisy`;
}
