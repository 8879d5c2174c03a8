/** I */
export interface I { a: string; m(x: number): void }
export type T = string | number;
enum E { A, B = 1 }
namespace N { export function f(): void {} }
export abstract class C { private x: number = 1; constructor(private y: string) {} abstract m(): void; n(): void {} }
export function over(a: string): void;
export function over(a: any) {}
declare module "x" { function g(): void; }
export const h = async <T>(x: T): Promise<T> => x;
