package bench;

import java.io.*;
import java.nio.file.*;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.*;
import org.apache.flink.api.common.state.*;
import org.apache.flink.api.common.typeinfo.*;
import org.apache.flink.api.java.tuple.*;
import org.apache.flink.streaming.api.datastream.*;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** The jobs: word count, word count with marks (for recovery), and two hops with stamps (for latency). */
public final class Jobs {
    private Jobs() {}
    static final TypeInformation<Tuple2<String, Long>> COUNT = Types.TUPLE(Types.STRING, Types.LONG);
    static final TypeInformation<Tuple2<Long, Long>> LL = Types.TUPLE(Types.LONG, Types.LONG);

    public static void build(StreamExecutionEnvironment env, Args a, long n) {
        int p = a.i("p", 1), vocab = a.i("vocab", 100_000);
        double rate = a.i("rate", 0) / (double) p;
        String job = a.s("job", "wordcount"), samples = a.s("samples", "out/samples");
        switch (job) {
            case "wordcount": {
                DataStream<Tuple2<String, Long>> out =
                    env.fromSource(new GenSource<>(new Gens.Words(vocab), Types.STRING, n, p, rate, 1, samples), WatermarkStrategy.noWatermarks(), "src")
                        .map(w -> Tuple2.of(w, 1L)).returns(COUNT)
                        .keyBy(t -> t.f0, Types.STRING).sum(1);
                if (a.has("mark")) out.map(new Mark(a.s("mark", ""))).returns(COUNT).sinkTo(new DiscardingSink<>());
                else out.sinkTo(new TotalsSink(vocab, samples));
                return;
            }
            case "latency":
                env.fromSource(new GenSource<>(new Gens.Stamped(vocab), COUNT, n, p, rate, 1, samples), WatermarkStrategy.noWatermarks(), "src")
                    .keyBy(t -> t.f0, Types.STRING)
                    .map(new CountStamped()).returns(LL)
                    .rebalance() // a second network hop, to the sink
                    .map(new Latency(samples, a.i("skip", 5))).returns(LL)
                    .sinkTo(new DiscardingSink<>());
                return;
            default: NexmarkJobs.build(env, a, n);
        }
    }

    static final class CountStamped extends RichMapFunction<Tuple2<String, Long>, Tuple2<Long, Long>> {
        transient ValueState<Long> n;
        @Override public void open(OpenContext c) { n = getRuntimeContext().getState(new ValueStateDescriptor<>("n", Types.LONG)); }
        @Override public Tuple2<Long, Long> map(Tuple2<String, Long> t) throws Exception {
            Long v = n.value();
            long w = v == null ? 1 : v + 1;
            n.update(w);
            return Tuple2.of(w, t.f1);
        }
    }

    /** Latency from the scheduled stamp to here, first `skip` seconds left out; saved to latency-<subtask> at the end. */
    static final class Latency extends RichMapFunction<Tuple2<Long, Long>, Tuple2<Long, Long>> {
        final String folder;
        final long skip;
        transient Hist h;
        transient long first;
        Latency(String folder, long skipSeconds) { this.folder = folder; this.skip = skipSeconds * 1_000_000_000L; }
        @Override public void open(OpenContext c) { h = new Hist(); }
        @Override public Tuple2<Long, Long> map(Tuple2<Long, Long> t) {
            long now = System.nanoTime();
            if (first == 0) first = now;
            if (now - first > skip) h.add(now - t.f1);
            return t;
        }
        @Override public void close() throws Exception { if (h != null) h.save(folder + "/latency-" + getRuntimeContext().getTaskInfo().getIndexOfThisSubtask()); }
    }

    /** Appends "attempt subtask epochMillis" for the first record of every attempt. */
    static final class Mark extends RichMapFunction<Tuple2<String, Long>, Tuple2<String, Long>> {
        final String file;
        transient boolean marked;
        Mark(String file) { this.file = file; }
        @Override public Tuple2<String, Long> map(Tuple2<String, Long> t) throws Exception {
            if (!marked) mark();
            return t;
        }
        void mark() throws IOException {
            marked = true;
            TaskInfo i = getRuntimeContext().getTaskInfo();
            Files.writeString(Path.of(file), i.getAttemptNumber() + " " + i.getIndexOfThisSubtask() + " " + System.currentTimeMillis() + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
    }
}
