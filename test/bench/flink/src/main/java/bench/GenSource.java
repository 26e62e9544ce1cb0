package bench;

import java.io.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.locks.LockSupport;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.*;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * A bounded, deterministic, checkpointed source with one split per subtask; or, with a stretch, with splits of so
 * many records in a row that subtasks ask for, one ahead, so that no subtask gets far ahead of another.
 * rate = 0: as fast as possible. rate > 0: that many records/s per split, released in 1 ms ticks and
 * stamped with the tick's scheduled time (so a late source counts as latency).
 */
public final class GenSource<T> implements Source<T, GenSource.Split, List<GenSource.Split>>, ResultTypeQueryable<T> {
    public static final class Split implements SourceSplit {
        public int part, parts;
        public long pos, end, x;
        /** Where this reader began. */
        final long first;
        /** Where the split begins, which is its name: of what was restored not where its reader began. */
        final long from;
        Split(int part, int parts, long from, long pos, long end, long x) {
            this.part = part; this.parts = parts; this.from = from; this.pos = pos; this.end = end; this.x = x; this.first = pos;
        }
        @Override public String splitId() { return "s" + part + "+" + from; }
        Split copy() { return new Split(part, parts, from, pos, end, x); }
    }

    private final Gen<T> gen;
    private final long n, stretch;
    private final int parts, batch;
    private final String samples;
    private final double rate;
    private final TypeInformation<T> type;

    public GenSource(Gen<T> gen, TypeInformation<T> type, long n, int parts, double ratePerSplit, int batch, String samples) {
        this(gen, type, n, parts, ratePerSplit, batch, samples, 0);
    }
    /** With a stretch above 0 the generator has to know a record by its number. */
    public GenSource(Gen<T> gen, TypeInformation<T> type, long n, int parts, double ratePerSplit, int batch, String samples, long stretch) {
        this.stretch = stretch;
        this.samples = samples; this.gen = gen; this.type = type; this.n = n; this.parts = parts; this.rate = ratePerSplit; this.batch = batch;
    }
    @Override public Boundedness getBoundedness() { return Boundedness.BOUNDED; }
    @Override public TypeInformation<T> getProducedType() { return type; }
    @Override public SourceReader<T, Split> createReader(SourceReaderContext ctx) { return new Reader<>(ctx, gen, rate, batch, samples, stretch > 0); }

    @Override public SplitEnumerator<Split, List<Split>> createEnumerator(SplitEnumeratorContext<Split> ctx) {
        List<Split> todo = new ArrayList<>();
        for (long at = 0; stretch > 0 && at < n; at += stretch) todo.add(new Split(0, 1, at, at, Math.min(n, at + stretch), 1));
        for (int i = 0; stretch == 0 && i < parts; i++) {
            long share = n / parts + (i < n % parts ? 1 : 0);
            todo.add(new Split(i, parts, 0, 0, share, i + 1));
        }
        return new Enumerator(ctx, todo, stretch > 0);
    }
    @Override public SplitEnumerator<Split, List<Split>> restoreEnumerator(SplitEnumeratorContext<Split> ctx, List<Split> todo) {
        return new Enumerator(ctx, new ArrayList<>(todo), stretch > 0);
    }

    static final class Enumerator implements SplitEnumerator<Split, List<Split>> {
        final SplitEnumeratorContext<Split> ctx;
        final List<Split> todo;
        final boolean onRequest;
        Enumerator(SplitEnumeratorContext<Split> ctx, List<Split> todo, boolean onRequest) { this.ctx = ctx; this.todo = todo; this.onRequest = onRequest; }
        @Override public void start() {}
        @Override public void handleSplitRequest(int subtask, String host) {
            if (todo.isEmpty()) ctx.signalNoMoreSplits(subtask);
            else ctx.assignSplit(todo.remove(0), subtask);
        }
        @Override public void addSplitsBack(List<Split> splits, int subtask) {
            todo.addAll(splits);
            todo.sort(Comparator.comparingLong(s -> s.pos));
        }
        @Override public void addReader(int subtask) {
            if (onRequest) return;
            for (Iterator<Split> it = todo.iterator(); it.hasNext();) {
                Split s = it.next();
                if (s.part == subtask) { it.remove(); ctx.assignSplit(s, subtask); }
            }
            ctx.signalNoMoreSplits(subtask);
        }
        @Override public List<Split> snapshotState(long id) { return new ArrayList<>(todo); }
        @Override public void close() {}
    }

    static final class Reader<T> implements SourceReader<T, Split> {
        final Gen<T> gen;
        final SourceReaderContext ctx;
        final boolean onRequest;
        final double rate;
        final int batch;
        final ArrayDeque<Split> next = new ArrayDeque<>();
        /** Records of splits that are through. */
        long done;
        Split s;
        boolean noMore;
        CompletableFuture<Void> avail = new CompletableFuture<>();
        long start, startPos;
        Thread ticker;
        final String samples;
        long sampledMillis;
        volatile boolean closed;
        volatile long wakeAt;
        volatile CompletableFuture<Void> wake;

        Reader(SourceReaderContext ctx, Gen<T> gen, double rate, int batch, String samples, boolean onRequest) {
            this.ctx = ctx; this.onRequest = onRequest;
            this.gen = gen; this.rate = rate; this.batch = batch; this.samples = samples;
        }

        @Override public void start() {
            // Two: one to read and one ahead.
            for (int i = 0; onRequest && i < 2; i++) ctx.sendSplitRequest();
            if (rate <= 0) return;
            ticker = new Thread(() -> {
                while (!closed) {
                    CompletableFuture<Void> w = wake;
                    long d = w == null ? 1_000_000L : wakeAt - System.nanoTime();
                    if (w != null && d <= 0) { wake = null; w.complete(null); } else LockSupport.parkNanos(d);
                }
            });
            ticker.setDaemon(true);
            ticker.start();
        }
        @Override public InputStatus pollNext(ReaderOutput<T> out) {
            if (this.s == null) this.s = next.poll();
            Split s = this.s;
            if (s == null) return noMore ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
            if ((s.pos & 4095) < batch) sample(false);
            if (rate <= 0) {
                for (long stop = Math.min(s.end, s.pos + batch); s.pos < stop; s.pos++) gen.emit(s, 0, out);
            } else {
                long now = System.nanoTime();
                if (start == 0) { start = now; startPos = s.pos; }
                long tick = (long) ((s.pos - startPos) * 1000L / rate) + 1;
                long due = start + tick * 1_000_000L;
                if (now < due) {
                    avail = new CompletableFuture<>();
                    wakeAt = due;
                    wake = avail;
                    LockSupport.unpark(ticker);
                    return InputStatus.NOTHING_AVAILABLE;
                }
                if (s.pos < s.end) { gen.emit(s, due, out); s.pos++; }
            }
            if (s.pos < s.end) return InputStatus.MORE_AVAILABLE;
            sample(true);
            if (!onRequest) return InputStatus.END_OF_INPUT;
            done += s.end - s.first;
            this.s = null;
            ctx.sendSplitRequest();
            if (next.isEmpty() && !noMore) avail = new CompletableFuture<>();
            return next.isEmpty() && !noMore ? InputStatus.NOTHING_AVAILABLE : InputStatus.MORE_AVAILABLE;
        }
        /** Progress of the subtask, ten lines a second at most: source-<subtask>.samples, as Millrace's source writes it. */
        private void sample(boolean last) {
            long now = System.currentTimeMillis();
            if (!last && now - sampledMillis < 100) return;
            sampledMillis = now;
            try {
                Files.writeString(Path.of(samples, "source-" + ctx.getIndexOfSubtask() + ".samples"), now + " " + (onRequest ? done + s.pos - s.first : s.pos) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException e) { throw new UncheckedIOException(e); }
        }
        @Override public CompletableFuture<Void> isAvailable() { return avail; }
        @Override public List<Split> snapshotState(long id) {
            List<Split> held = new ArrayList<>();
            if (s != null) held.add(s.copy());
            for (Split one : next) held.add(one.copy());
            return held;
        }
        @Override public void addSplits(List<Split> splits) { for (Split one : splits) next.add(one.copy()); avail.complete(null); }
        @Override public void notifyNoMoreSplits() { noMore = true; avail.complete(null); }
        @Override public void close() { closed = true; if (ticker != null) LockSupport.unpark(ticker); }
    }

    static void write(Split s, DataOutputStream o) throws IOException {
        o.writeInt(s.part); o.writeInt(s.parts); o.writeLong(s.from); o.writeLong(s.pos); o.writeLong(s.end); o.writeLong(s.x);
    }
    static Split read(DataInputStream i) throws IOException {
        return new Split(i.readInt(), i.readInt(), i.readLong(), i.readLong(), i.readLong(), i.readLong());
    }
    @Override public SimpleVersionedSerializer<Split> getSplitSerializer() {
        return new SimpleVersionedSerializer<>() {
            @Override public int getVersion() { return 1; }
            @Override public byte[] serialize(Split s) throws IOException {
                ByteArrayOutputStream b = new ByteArrayOutputStream();
                write(s, new DataOutputStream(b));
                return b.toByteArray();
            }
            @Override public Split deserialize(int v, byte[] b) throws IOException {
                return read(new DataInputStream(new ByteArrayInputStream(b)));
            }
        };
    }
    @Override public SimpleVersionedSerializer<List<Split>> getEnumeratorCheckpointSerializer() {
        return new SimpleVersionedSerializer<>() {
            @Override public int getVersion() { return 1; }
            @Override public byte[] serialize(List<Split> l) throws IOException {
                ByteArrayOutputStream b = new ByteArrayOutputStream();
                DataOutputStream o = new DataOutputStream(b);
                o.writeInt(l.size());
                for (Split s : l) write(s, o);
                return b.toByteArray();
            }
            @Override public List<Split> deserialize(int v, byte[] b) throws IOException {
                DataInputStream i = new DataInputStream(new ByteArrayInputStream(b));
                List<Split> l = new ArrayList<>();
                for (int k = i.readInt(); k > 0; k--) l.add(read(i));
                return l;
            }
        };
    }
}
