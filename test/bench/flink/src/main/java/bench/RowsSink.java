package bench;

import java.io.IOException;
import java.nio.file.*;
import org.apache.flink.api.connector.sink2.*;

/** Counts rows and keeps none, as Millrace's sink does; writes their number at the end: sink-<subtask>.rows. */
public final class RowsSink<T> implements Sink<T> {
    final String samples;
    public RowsSink(String samples) { this.samples = samples; }

    @Override public SinkWriter<T> createWriter(WriterInitContext context) {
        return new Writer<>(Path.of(samples, "sink-" + context.getTaskInfo().getIndexOfThisSubtask() + ".rows"));
    }

    static final class Writer<T> implements SinkWriter<T> {
        final Path file;
        long rows;
        Writer(Path file) { this.file = file; }
        @Override public void write(T row, Context context) { rows++; }
        @Override public void flush(boolean endOfInput) throws IOException {
            if (endOfInput) Files.writeString(file, rows + "\n");
        }
        @Override public void close() {}
    }
}
