// The stock Poco::Net::HTTPServer, for tools/bench: what Roost would cost if it served with it. It answers GET /json,
// GET /users/ID and POST /echo. Usage: poco_server PORT [THREADS]
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/StreamCopier.h>
#include <Poco/ThreadPool.h>
#include <signal.h>

#include <cstdlib>
#include <string>

namespace {

class BenchHandler : public Poco::Net::HTTPRequestHandler {
 public:
  void handleRequest(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response) override {
    static const std::string users = "/users/";
    std::string body = R"({"message":"Hello, World!"})";
    response.setContentType("application/json");
    if (request.getURI().compare(0, users.size(), users) == 0) {
      body = R"({"id":")" + request.getURI().substr(users.size()) + "\"}";
    } else if (request.getMethod() == Poco::Net::HTTPRequest::HTTP_POST) {
      body.clear();
      Poco::StreamCopier::copyToString(request.stream(), body);
      response.setContentType("application/octet-stream");
    }
    response.sendBuffer(body.data(), body.size());
  }
};

class BenchHandlerFactory : public Poco::Net::HTTPRequestHandlerFactory {
 public:
  Poco::Net::HTTPRequestHandler* createRequestHandler(const Poco::Net::HTTPServerRequest&) override {
    return new BenchHandler;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 80;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  Poco::Net::ServerSocket socket(Poco::Net::SocketAddress("127.0.0.1", static_cast<Poco::UInt16>(std::atoi(argv[1]))),
                                 1024);
  auto* params = new Poco::Net::HTTPServerParams;
  params->setMaxThreads(threads);
  params->setMaxQueued(1000);
  params->setKeepAlive(true);
  params->setMaxKeepAliveRequests(0);
  Poco::ThreadPool pool(threads, threads);
  Poco::Net::HTTPServer server(new BenchHandlerFactory, pool, socket, params);
  server.start();
  int which = 0;
  sigwait(&ends, &which);
  server.stopAll(true);
}
