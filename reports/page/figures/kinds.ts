/**
 * The data of each kind of chart, as the scripts of the page get it. A figure of several panels has
 * one drawing per panel and one table for all.
 *
 * @module
 */

import type { Direction, Unit } from "../../metrics.ts";

/** Medians with a whisker over interval or range, and one dot per seed. */
export interface BarsFigure {
  readonly kind: "bars";
  readonly title: string;
  readonly unit: Unit;
  readonly bars: readonly {
    readonly variant: number;
    readonly median: number;
    readonly low: number;
    readonly high: number;
    readonly values: readonly number[];
  }[];
}

/** Latency at x = 2^(k/points_per_octave); drawn as percentile curve, CCDF or box. */
export interface CurveFigure {
  readonly kind: "curve";
  readonly title: string;
  readonly points_per_octave: number;
  readonly curves: readonly {
    readonly variant: number;
    readonly latency_ns: readonly number[];
    /** What a box shows, nanoseconds; p99 is the maximum of a sample too small for it. */
    readonly box: Readonly<Record<"p1" | "p25" | "p50" | "p75" | "p99", number>>;
  }[];
}

/** Latency of each policy over that of the reference at x = 2^(k/points_per_octave). */
export interface DifferenceFigure {
  readonly kind: "difference";
  readonly title: string;
  readonly points_per_octave: number;
  readonly reference: string;
  readonly panels: readonly {
    readonly variant: number;
    readonly median: readonly number[];
    readonly low: readonly number[];
    readonly high: readonly number[];
  }[];
}

/** Shares of CPU time, one stack per CPU, a panel per policy. */
export interface CpuFigure {
  readonly kind: "cpu";
  readonly title: string;
  readonly panels: readonly {
    readonly variant: number;
    readonly cpus: readonly number[];
    /** Part of CPU_PARTS -> share 0..1 per CPU. */
    readonly shares: Readonly<Record<string, readonly number[]>>;
  }[];
}

/** An axis of the trade-off. */
export interface TradeoffAxis {
  readonly title: string;
  readonly unit: Unit;
  readonly direction: Direction;
}

/** What a policy gains against what it costs. */
export interface TradeoffFigure {
  readonly kind: "tradeoff";
  readonly title: string;
  readonly x: TradeoffAxis;
  readonly y: TradeoffAxis;
  readonly points: readonly {
    readonly variant: number;
    readonly x: number;
    readonly y: number;
    /** Sets the size of the mark; null where it is not known. */
    readonly interrupts_per_second: number | null;
    /** No other policy is as good in both and better in one. */
    readonly is_on_front: boolean;
  }[];
}

/** One load of a variant. */
export interface LoadPoint {
  readonly offered: number;
  readonly achieved: number;
  readonly p50_ns: number | null;
  readonly p99_ns: number | null;
  readonly is_saturated: boolean;
}

/** Latency, and achieved load, against offered load. */
export interface LoadFigure {
  readonly kind: "load";
  readonly title: string;
  readonly lines: readonly { readonly variant: number; readonly points: readonly LoadPoint[] }[];
  /** What each panel shows. */
  readonly panels: readonly ["p99", "p50", "achieved"];
}

/** One metric over sets of runs. */
export interface HistoryFigure {
  readonly kind: "history";
  readonly title: string;
  readonly unit: Unit;
  readonly sets: readonly string[];
  readonly lines: readonly {
    readonly variant: number;
    readonly medians: readonly (number | null)[];
    /** Positions at which a new level begins. */
    readonly changes: readonly number[];
  }[];
}

/** Something that was done to the device, drawn as a line across time. */
export interface TimeMark {
  readonly at_ns: number;
  readonly what: string;
  readonly variants: readonly number[];
}

/** Measures in slices of time, a panel each, a line per policy. */
export interface TimelineFigure {
  readonly kind: "timeline";
  readonly title: string;
  readonly slice_ns: number;
  readonly panels: readonly {
    readonly title: string;
    readonly unit: Unit;
    readonly lines: readonly {
      readonly variant: number;
      readonly values: readonly (number | null)[];
    }[];
  }[];
  readonly marks: readonly TimeMark[];
}

/** What a heat map can show. */
export type HeatMeasure = "rx_packets" | "interrupts" | "itr_rx_usecs" | "busy_permille";

/** Queues, or CPUs, by slices of time; a panel per policy. */
export interface HeatFigure {
  readonly kind: "heat";
  readonly title: string;
  readonly slice_ns: number;
  readonly slice_count: number;
  /** What the darkest colour stands for. */
  readonly most: Readonly<Record<HeatMeasure, number>>;
  readonly panels: readonly {
    readonly variant: number;
    readonly queues: readonly number[];
    /** Rows of `busy_permille`; those of the others are queues. */
    readonly cpus: readonly number[];
    readonly rows: Readonly<Record<HeatMeasure, readonly (readonly number[])[]>>;
  }[];
  readonly marks: readonly TimeMark[];
}

/** Which queue, CPU, node and list of the policy manager the packets went to: drawn as a table. */
export interface MapFigure {
  readonly kind: "map";
  readonly title: string;
  readonly panels: readonly {
    readonly variant: number;
    readonly queues: readonly {
      readonly queue: number;
      readonly cpu: string;
      readonly node: string;
      readonly list: string;
      readonly rx_share: number;
      readonly rx_packets: number;
      readonly tx_packets: number;
      readonly interrupts: number;
    }[];
  }[];
}

/** Data of one chart. */
export type Figure =
  | BarsFigure
  | CurveFigure
  | DifferenceFigure
  | CpuFigure
  | TradeoffFigure
  | LoadFigure
  | HistoryFigure
  | TimelineFigure
  | HeatFigure
  | MapFigure;
