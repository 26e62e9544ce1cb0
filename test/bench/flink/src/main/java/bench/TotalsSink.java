package bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.*;
import org.apache.flink.api.connector.sink2.*;
import org.apache.flink.api.java.tuple.Tuple2;

/** Keeps the latest count of each word, as Millrace's sink does, and writes them at the end: sink-<subtask>.totals. */
public final class TotalsSink implements Sink<Tuple2<String, Long>> {
    final int vocab;
    final String samples;
    public TotalsSink(int vocab, String samples) { this.vocab = vocab; this.samples = samples; }

    @Override public SinkWriter<Tuple2<String, Long>> createWriter(WriterInitContext context) {
        return new Writer(new int[vocab], Path.of(samples, "sink-" + context.getTaskInfo().getIndexOfThisSubtask() + ".totals"));
    }

    record Writer(int[] latest, Path file) implements SinkWriter<Tuple2<String, Long>> {
        @Override public void write(Tuple2<String, Long> t, Context context) {
            String word = t.f0;
            int number = 0;
            for (int i = 1; i < word.length(); i++) number = number * 10 + word.charAt(i) - '0';
            latest[number] = (int) (long) t.f1;
        }
        @Override public void flush(boolean endOfInput) throws IOException {
            if (!endOfInput) return;
            ByteBuffer b = ByteBuffer.allocate(4 * latest.length).order(ByteOrder.LITTLE_ENDIAN);
            b.asIntBuffer().put(latest);
            Files.write(file, b.array());
        }
        @Override public void close() {}
    }
}
