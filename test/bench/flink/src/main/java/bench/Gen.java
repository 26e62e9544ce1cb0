package bench;

import java.io.Serializable;
import org.apache.flink.api.connector.source.SourceOutput;

/** Emits the record at s.pos (the caller advances s.pos). Keeps its random state in s.x. */
public interface Gen<T> extends Serializable {
    void emit(GenSource.Split s, long stampNanos, SourceOutput<T> out);
}
