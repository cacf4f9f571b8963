#include "lexer.h"
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>

namespace vgpu {
namespace {

bool starts_word(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%' || c == '.'; }
bool in_word(char c) { return starts_word(c) || std::isdigit(static_cast<unsigned char>(c)); }

void read_number(Token &token) {
  std::string text(token.text);
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'f' || text[1] == 'F')) {
    token.single = true;
    token.bits = std::strtoull(text.c_str() + 2, nullptr, 16);
  } else if (text.size() > 2 && text[0] == '0' && (text[1] == 'd' || text[1] == 'D')) {
    token.twice = true;
    token.bits = std::strtoull(text.c_str() + 2, nullptr, 16);
  } else if (text.find('.') != std::string::npos || (text[1] != 'x' && text.find_first_of("eE") != std::string::npos)) {
    double value = std::strtod(text.c_str(), nullptr);
    token.twice = true;
    std::memcpy(&token.bits, &value, 8);
  } else if (text.size() > 2 && text[0] == '0' && (text[1] == 'b' || text[1] == 'B')) {
    token.bits = std::strtoull(text.c_str() + 2, nullptr, 2);
  } else {
    token.bits = std::strtoull(text.c_str(), nullptr, 0);
  }
}

}  // namespace

std::vector<Token> tokens(const std::string &ptx) {
  std::vector<Token> result;
  result.reserve(ptx.size() / 5);
  std::string_view source(ptx);
  int line = 1;
  size_t at = 0, size = source.size();
  while (at < size) {
    char c = source[at];
    if (c == '\0') break;  // drivers are handed NUL-terminated text
    if (c == '\n') {
      ++line;
      ++at;
      continue;
    }
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++at;
      continue;
    }
    if (source.substr(at, 2) == "//") {
      while (at < size && source[at] != '\n') ++at;
      continue;
    }
    if (source.substr(at, 2) == "/*") {
      size_t close = source.find("*/", at + 2);
      size_t next = close == std::string_view::npos ? size : close + 2;
      for (; at < next; ++at) line += source[at] == '\n';
      continue;
    }
    size_t from = at;
    if (std::isdigit(static_cast<unsigned char>(c))) {
      while (at < size && (std::isalnum(static_cast<unsigned char>(source[at])) || source[at] == '.' ||
                           ((source[at] == '+' || source[at] == '-') && (source[at - 1] == 'e' || source[at - 1] == 'E') &&
                            source.substr(from, at - from).find('.') != std::string_view::npos)))
        ++at;
      Token token{TokenKind::number, source.substr(from, at - from), line};
      read_number(token);
      result.push_back(token);
    } else if (starts_word(c)) {
      while (at < size && (in_word(source[at]) || (source.substr(at, 2) == "::" && at + 2 < size && in_word(source[at + 2]))))
        at += source[at] == ':' ? 2 : 1;
      if (c == '.') at = std::min(at, source.find('.', from + 1));  // ".reg.b32"
      result.push_back({TokenKind::word, source.substr(from, at - from), line});
    } else if (c == '"') {
      size_t close = source.find('"', at + 1);
      at = close == std::string_view::npos ? size : close + 1;
      result.push_back({TokenKind::text, source.substr(from + 1, at - from - 2), line});
    } else {
      result.push_back({TokenKind::symbol, source.substr(at++, 1), line});
    }
  }
  result.push_back({TokenKind::end, {}, line});
  return result;
}

}  // namespace vgpu
