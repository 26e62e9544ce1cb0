package bench;

import java.net.URI;
import java.net.http.*;
import java.nio.file.Path;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.*;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Runs one job on the cluster at `port` and prints a line of JSON about it. */
public final class Main {
    public static void main(String[] v) throws Exception {
        Args a = new Args(v);
        int port = a.i("port", 18081);
        long n = a.l("n", 20_000_000);
        String ckpt = a.s("ckpt", "0");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createRemoteEnvironment("127.0.0.1", port, settings(a, ckpt), new String[0]);
        env.configure(settings(a, ckpt));
        env.setParallelism(a.i("p", 1));
        Jobs.build(env, a, n);
        JobExecutionResult r = env.execute(a.s("job", "wordcount"));
        StringBuilder out = new StringBuilder("{\"records\":" + n + ",\"net_ms\":" + r.getNetRuntime());
        if (a.s("job", "").equals("latency")) {
            Hist h = new Hist();
            for (int i = 0; i < a.i("p", 1); i++) h.load(Path.of(a.s("samples", "out/samples"), "latency-" + i));
            out.append("," + h.summary());
        }
        if (!ckpt.equals("0")) {
            JsonNode s = get(port, "/jobs/" + r.getJobID() + "/checkpoints").at("/summary/end_to_end_duration");
            out.append(",\"ckpt_p50_ms\":" + s.get("p50") + ",\"ckpt_max_ms\":" + s.get("max"));
        }
        System.out.println(out.append("}"));
        System.exit(0);
    }

    static Configuration settings(Args a, String ckpt) {
        Configuration c = new Configuration();
        c.setString("pipeline.object-reuse", a.s("reuse", "true"));
        c.setString("execution.checkpointing.storage", "filesystem");
        c.setString("execution.checkpointing.dir", "file://" + a.s("ckptdir", System.getProperty("user.dir") + "/out/ckpt"));
        if (!ckpt.equals("0")) c.setString("execution.checkpointing.interval", ckpt + "ms");
        c.setString("state.backend.type", a.s("backend", "hashmap"));
        c.setString("execution.checkpointing.incremental", "true");
        c.setString("restart-strategy.type", a.s("restart", "none"));
        c.setString("restart-strategy.fixed-delay.attempts", "1000000");
        c.setString("restart-strategy.fixed-delay.delay", "100ms");
        c.setString("execution.buffer-timeout.interval", a.s("buffer", "100ms"));
        a.flink.forEach(c::setString);
        return c;
    }

    static JsonNode get(int port, String path) throws Exception {
        return new ObjectMapper().readTree(HttpClient.newHttpClient().send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(), HttpResponse.BodyHandlers.ofString()).body());
    }
}
