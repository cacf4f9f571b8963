/*
 * Winograd's form of a convolution in one dimension, after Toom and Cook: m outputs of a kernel of r taps are a product of two polynomials
 * looked at in n = m + r - 1 points,
 *
 *   output = A^T ((G filter) * (B^T input))         * multiplies element by element: n multiplications in place of m r
 *
 * and in two dimensions the same along both. The last point is infinity. Rows of G and A are the powers of their point; whatever has to be
 * divided by is in B. So G does not depend on n, and a transformed filter serves tiles of different sizes: a smaller tile leaves finite
 * points at the end of the list out.
 *
 * The points decide how large rounding errors become: the errors of the sums in each point come out multiplied. In two dimensions that is
 * by 4.8 (3 taps, 6 points), 4.0 (3 taps, 5 points) and 19 (5 taps, 8 points), against a direct sum of all terms in the same manner; with
 * the usual points 0, 1, -1, 2, -2 of 3 taps it would be 13. All sets of small fractions were looked through for the least factor; each
 * list is in an order in which leaving out the last ones is best too.
 */
#pragma once
#include "runtime/vector.h"
#include <utility>

namespace duet {

constexpr int kMostPoints = 8;

/* The finite points of a kernel of R taps. */
template <int R> constexpr double kFinitePoints[] = {2.0 / 3, -2.0 / 3, 1.5, -1.5, 0};
template <> constexpr double kFinitePoints<5>[] = {0, 1, -1, 0.5, -2, 2, -0.5};

template <int R, int C> struct Matrix {
  static constexpr int kRows = R, kColumns = C;
  float at[R][C];
};

/* B^T: row p is the polynomial that is 1 in point p and 0 in all other points; the last one is 0 in all finite points. */
template <int N, int R> constexpr Matrix<N, N> interpolation() {
  Matrix<N, N> matrix = {};
  for (int p = 0; p < N; p++) {
    double polynomial[N + 1] = {1}, at_p = 1;
    int degree = 0;
    for (int q = 0; q < N - 1; q++) {
      if (q == p) continue;
      for (int i = ++degree; i >= 0; i--) polynomial[i] = (i > 0 ? polynomial[i - 1] : 0) - kFinitePoints<R>[q] * polynomial[i];
      if (p < N - 1) at_p *= kFinitePoints<R>[p] - kFinitePoints<R>[q];
    }
    for (int i = 0; i <= degree; i++) matrix.at[p][i] = static_cast<float>(polynomial[i] / at_p);
  }
  return matrix;
}

/* G and A: 1, p, p^2 ..; for infinity the highest power alone. */
template <int N, int R, int C> constexpr Matrix<N, C> powers() {
  Matrix<N, C> matrix = {};
  for (int p = 0; p < N - 1; p++) {
    double power = 1;
    for (int i = 0; i < C; i++, power *= kFinitePoints<R>[p]) matrix.at[p][i] = static_cast<float>(power);
  }
  matrix.at[N - 1][C - 1] = 1;
  return matrix;
}

template <int R, int C> constexpr Matrix<C, R> transposed(const Matrix<R, C> &matrix) {
  Matrix<C, R> result = {};
  for (int i = 0; i < R; i++) {
    for (int j = 0; j < C; j++) result.at[j][i] = matrix.at[i][j];
  }
  return result;
}

/* The linear maps between N points and C coefficients, each in one dimension. */
template <int N, int R> struct ToPoints { static constexpr auto kMatrix = interpolation<N, R>(); };
template <int N, int R, int C> struct Evaluate { static constexpr auto kMatrix = powers<N, R, C>(); };
template <int N, int R, int C> struct Collect { static constexpr auto kMatrix = transposed(powers<N, R, C>()); };

template <class Map, int I> constexpr int first_term() {
  int j = 0;
  while (Map::kMatrix.at[I][j] == 0) j++;
  return j;
}

template <class Map, int I, int J> inline void add_term(Vector &sum, const Vector *in) {
  constexpr float factor = Map::kMatrix.at[I][J];
  if constexpr (J == first_term<Map, I>()) {
    if constexpr (factor == 1) {
      sum = in[J];
    } else {
      sum = in[J] * factor;
    }
  } else if constexpr (factor == 1) {
    sum += in[J];
  } else if constexpr (factor == -1) {
    sum -= in[J];
  } else if constexpr (factor != 0) {
    sum += in[J] * factor;
  }
}

template <class Map, int I, int... J> inline Vector row_times(const Vector *in, std::integer_sequence<int, J...>) {
  Vector sum;
  (add_term<Map, I, J>(sum, in), ...);
  return sum;
}

/*
 * Points come in pairs, p and -p, whose powers differ in the signs of the odd ones only. So do the rows of their polynomials, if all other
 * points are there in pairs, too: even and odd terms are added up once, and the pair of results is their sum and their difference. Where
 * the points are the columns, the pair's sum goes into the even rows and its difference into the odd ones. A fifth to a third fewer
 * operations.
 */
template <int R, int C> constexpr int opposite_row(const Matrix<R, C> &matrix, int row) {
  for (int other = 0; other < R; other++) {
    bool is_opposite = other != row;
    for (int j = 0; j < C; j++) is_opposite &= matrix.at[other][j] == (j % 2 ? -matrix.at[row][j] : matrix.at[row][j]);
    if (is_opposite) return other;
  }
  return row;
}

template <class Map> constexpr int opposite_column(int column) { return opposite_row(transposed(Map::kMatrix), column); }

/* A map of sums, in place of the first column of a pair, and of differences, in place of the second. */
template <class Map> constexpr auto folded() {
  auto matrix = Map::kMatrix;
  for (int j = 0; j < matrix.kColumns; j++) {
    const int other = opposite_column<Map>(j);
    if (other == j) continue;
    for (int i = 0; i < matrix.kRows; i++) {
      if (i % 2 == (j < other ? 1 : 0)) matrix.at[i][j] = 0;
      else if (j > other) matrix.at[i][j] = -matrix.at[i][j];
    }
  }
  return matrix;
}
template <class Map> struct Folded { static constexpr auto kMatrix = folded<Map>(); };

/* The terms of a row whose index is even, or odd; the others are 0. */
template <class Map, int Parity> constexpr auto every_second() {
  auto matrix = Map::kMatrix;
  for (int i = 0; i < matrix.kRows; i++) {
    for (int j = 1 - Parity; j < matrix.kColumns; j += 2) matrix.at[i][j] = 0;
  }
  return matrix;
}
template <class Map, int Parity> struct EverySecond { static constexpr auto kMatrix = every_second<Map, Parity>(); };

/* store(row, value) for row I, and for its opposite if that comes later. */
template <class Map, int I, class Store> inline void row_and_opposite(const Vector *in, Store store) {
  constexpr int kOpposite = opposite_row(Map::kMatrix, I);
  constexpr auto kColumns = std::make_integer_sequence<int, Map::kMatrix.kColumns>();
  if constexpr (kOpposite == I) {
    store(I, row_times<Map, I>(in, kColumns));
  } else if constexpr (kOpposite > I) {
    const Vector even = row_times<EverySecond<Map, 0>, I>(in, kColumns), odd = row_times<EverySecond<Map, 1>, I>(in, kColumns);
    store(I, even + odd);
    store(kOpposite, even - odd);
  }
}

template <int J, int Other> inline void fold(Vector *in) {
  if constexpr (J < Other) {
    const Vector first = in[J], second = in[Other];
    in[J] = first + second;
    in[Other] = first - second;
  }
}

template <class Map, int... J> inline void fold_all(Vector *in, std::integer_sequence<int, J...>) { (fold<J, opposite_column<Map>(J)>(in), ...); }

template <class Map, class Store, int... I> inline void each_row(const Vector *in, Store store, std::integer_sequence<int, I...>) {
  (row_and_opposite<Map, I>(in, store), ...);
}

/* store(row, value) for each row of the map times `in`, which may be changed. */
template <class Map, class Store> inline void apply(Vector *in, Store store) {
  fold_all<Map>(in, std::make_integer_sequence<int, Map::kMatrix.kColumns>());
  each_row<Folded<Map>>(in, store, std::make_integer_sequence<int, Map::kMatrix.kRows>());
}

/* store(y, x, value) for the elements of Y in X^T, where in(y, x) are those of `in`: the maps Y along y and X along x. */
template <class Y, class X, class In, class Store> inline void transform(In in, Store store) {
  constexpr int kRows = Y::kMatrix.kColumns, kColumns = X::kMatrix.kColumns;
  constexpr int kWidth = X::kMatrix.kRows;
  Vector half[kWidth][kRows];
  DUET_UNROLL
  for (int y = 0; y < kRows; y++) {
    Vector line[kColumns];
    DUET_UNROLL
    for (int x = 0; x < kColumns; x++) line[x] = in(y, x);
    apply<X>(line, [&](int x, Vector value) { half[x][y] = value; });
  }
  DUET_UNROLL
  for (int x = 0; x < kWidth; x++) {
    apply<Y>(half[x], [&](int y, Vector value) { store(y, x, value); });
  }
}

/*
 * The same bits in a fifth of the code: line after line. For what is used so rarely that compiling it matters more; all tile sizes unrolled
 * take a compiler many seconds.
 */
template <class Y, class X, class In, class Store> inline void transform_by_lines(In in, Store store) {
  constexpr int kRows = Y::kMatrix.kColumns, kColumns = X::kMatrix.kColumns;
  constexpr int kWidth = X::kMatrix.kRows;
  Vector half[kWidth][kRows];
  DUET_NO_UNROLL
  for (int y = 0; y < kRows; y++) {
    Vector line[kColumns];
    DUET_UNROLL
    for (int x = 0; x < kColumns; x++) line[x] = in(y, x);
    apply<X>(line, [&](int x, Vector value) { half[x][y] = value; });
  }
  DUET_NO_UNROLL
  for (int x = 0; x < kWidth; x++) {
    apply<Y>(half[x], [&](int y, Vector value) { store(y, x, value); });
  }
}

}  // namespace duet
